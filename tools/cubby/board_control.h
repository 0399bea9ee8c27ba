#pragma once

#include <poll.h>

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
  /// Takes what is there and answers complete orders.
  void serve(const std::function<PromptAnswer(std::string_view)>& obey);

 private:
  struct Client {
    Descriptor socket;
    std::string order;
  };
  std::string path_;
  Descriptor listener_;
  std::vector<Client> clients_;
};

struct ControlAnswer {
  bool reached = false;
  bool good = false;
  std::string text;
};
/// Gives one order to the board that listens at `path`.
ControlAnswer give_order(const std::string& path, const std::string& order);

}  // namespace cubby::tools
