#pragma once

#include <poll.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/cubby/board_descriptor.h"
#include "tools/cubby/board_prompt.h"

namespace cubby::tools {

/// The Unix socket through which `cubby board-ctl` gives one order a connection. Only its owner can use it. The answer
/// begins with '+' (done) or '-' (refused).
class BoardControl {
 public:
  ~BoardControl();
  /// Empty: it listens. A socket that a killed program left is replaced.
  std::string listen_at(const std::string& path);
  void add_waits(std::vector<pollfd>& waits) const;
  /// Takes what is there and answers complete orders. Who says nothing for a few seconds is dropped.
  void serve(const std::function<PromptAnswer(std::string_view)>& obey);

 private:
  using Clock = std::chrono::steady_clock;
  struct Client {
    Descriptor socket;
    std::string order;
    Clock::time_point until;
  };
  std::string path_;
  // What was made at the path: somebody may have put another there since.
  dev_t device_ = 0;
  ino_t inode_ = 0;
  Descriptor listener_;
  std::vector<Client> clients_;
};

struct ControlAnswer {
  bool reached = false;
  bool good = false;
  std::string text;
};
/// Whether a socket is there that nobody listens at any more.
bool is_dead_socket(const std::string& path);
/// Gives one order to the board that listens at `path`, and waits for its answer for a few seconds.
ControlAnswer give_order(const std::string& path, const std::string& order);

}  // namespace cubby::tools
