#pragma once

#include <sys/types.h>

#include <string>

#include "emulator/lockstep/guest_stream.h"

namespace cubby::tools {

/// A guest as a process of this machine, with the stream on its standard input and output. Its standard error is ours.
class GuestProcess final : public emulator::GuestStream {
 public:
  static constexpr int kSilenceMaxS = 10;

  /// `command` is for the shell. `silence_max_s`: how long a read waits; 0: without a limit, for a debugger.
  explicit GuestProcess(std::string command, int silence_max_s = kSilenceMaxS)
      : command_(std::move(command)), silence_max_s_(silence_max_s) {}
  ~GuestProcess() override { stop(); }
  GuestProcess(const GuestProcess&) = delete;
  GuestProcess& operator=(const GuestProcess&) = delete;

  Status start() override;
  void stop() override;

 private:
  Status do_write(Bytes bytes) override;
  Result<std::size_t> do_read(MutableBytes into) override;
  [[noreturn]] void become_guest(int stream, pid_t parent) const;

  std::string command_;
  int silence_max_s_;
  pid_t process_ = -1;
  int socket_ = -1;
};

}  // namespace cubby::tools
