#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "firmware/base/bytes.h"

namespace cubby::tools {

/// Where the host's software is: a pseudo-terminal, a serial port or a TCP connection. Nothing blocks.
class BoardLine {
 public:
  BoardLine() = default;
  virtual ~BoardLine() = default;
  BoardLine(const BoardLine&) = delete;
  BoardLine& operator=(const BoardLine&) = delete;

  /// What to wait for. Without `want_bytes` the host's bytes stay where they are, and the host must wait.
  virtual void add_waits(std::vector<pollfd>& waits, bool want_bytes) const = 0;
  /// The host's bytes that are here. Also looks after who comes and goes.
  virtual std::vector<std::byte> read(bool want_bytes) = 0;
  /// To the host; what nobody takes is lost, as on a wire.
  virtual void write(Bytes bytes) = 0;
  /// The boards are quiet: a client that has ended its own part has heard all it asked for.
  virtual void all_said() = 0;
  /// The speed that the host's software has set; 0: it cannot be known.
  virtual std::uint32_t client_baud() const = 0;
  /// The boards talk at another speed now.
  virtual void set_baud(std::uint32_t baud) = 0;
  /// The host's adapter vanishes for that long: who is there is hung up, and nobody can come. Returns one sentence that
  /// says why not; empty: done.
  virtual std::string unplug(std::chrono::milliseconds length) = 0;
  /// One line that says where it is, e.g. "pseudo-terminal ./lock0 (/dev/pts/3)".
  virtual std::string describe() const = 0;
  /// Not empty: it is gone for good, and this is why.
  const std::string& lost() const { return lost_; }
  /// What happened, in words, since the last call.
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

 protected:
  void note(std::string text) { notes_.push_back(std::move(text)); }
  void lose(std::string why) { lost_ = std::move(why); }

 private:
  std::vector<std::string> notes_;
  std::string lost_;
};

struct OpenedLine {
  std::unique_ptr<BoardLine> line;
  std::string error;  // Not empty: there is no line.
};

struct PtyOptions {
  std::string link;
  std::string control;  // The socket that belongs to it; one that nobody serves is the sign of a killed program.
  std::uint32_t baud = 0;
};
/// Makes a pseudo-terminal and a link to it, which goes with the line. A link that a killed program left is replaced;
/// anything else at that path is left alone and refused.
OpenedLine open_pty_line(const PtyOptions& options);
OpenedLine open_serial_line(const std::string& device, std::uint32_t baud);
/// Listens and serves one client at a time; further ones are turned away. A client that has ended its own part still
/// hears what it asked for, unless another comes.
OpenedLine open_tcp_line(const std::string& host, std::uint16_t port);

}  // namespace cubby::tools
