#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "firmware/base/bytes.h"

namespace cubby::bench {

/// One connection's end of a conversation: bytes in, bytes out, no socket.
class Talker {
 public:
  virtual ~Talker() = default;
  /// What has arrived and was not taken before; how much of it is taken. Sets failed() on what should not come.
  virtual std::size_t on_bytes(Bytes received) = 0;
  /// What may go out now; empty: wait for the other side.
  virtual Bytes to_send() = 0;
  virtual void on_sent(std::size_t size) = 0;
  /// This part of the conversation is over.
  virtual bool done() const = 0;
  const std::string& failed() const { return failed_; }

 protected:
  std::string failed_;  // Not empty: in words for a person.
};

/// Many connections to a port of this machine, served by the thread that calls.
class Conversation {
 public:
  explicit Conversation(std::uint16_t port);
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  /// Connects, for this talker, which must outlive the conversation. Empty, or what went wrong.
  std::string add(Talker& talker);
  /// Talks until every talker is done(). Empty, or what went wrong; too slow is wrong, too.
  std::string run(std::chrono::seconds at_most);

 private:
  struct Line {
    int socket = -1;
    Talker* talker = nullptr;
    std::vector<std::byte> input;
    std::size_t filled = 0;
    bool waits_to_write = false;
    bool was_done = false;
  };

  std::string receive(Line& line);
  std::string send(Line& line);
  std::string serve(Line& line, std::uint32_t ready);

  std::uint16_t port_;
  int poll_ = -1;
  std::vector<std::unique_ptr<Line>> lines_;
};

}  // namespace cubby::bench
