// The client's protocol of NATS is lines of text; publishing with acknowledgement is a message with a reply subject.
#include <algorithm>
#include <charconv>
#include <string_view>

#include "bench/ingest_load/conversation.h"
#include "bench/ingest_load/loads.h"

namespace cubby::bench {
namespace {

constexpr std::size_t kSendMax = 64 * 1024;
constexpr std::string_view kStream =
    R"({"name":"bench","subjects":["bench.*"],"storage":"file","retention":"limits","num_replicas":1})";

class Publisher final : public Talker {
 public:
  Publisher(const Session& session, std::size_t index, bool makes_stream) : session_(session) {
    const std::string number = std::to_string(index);
    greeting_ = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB _INBOX." + number + " 1\r\n";
    if (makes_stream) {
      greeting_ += "PUB $JS.API.STREAM.CREATE.bench _INBOX." + number + " " + std::to_string(kStream.size()) + "\r\n";
      greeting_ += std::string(kStream) + "\r\n";
      awaits_stream_ = true;
    }
    greeting_ += "PING\r\n";
    const std::string head = "PUB bench." + number + " _INBOX." + number + " ";
    std::size_t from = 0;
    for (const Session::Piece& piece : session.pieces) {
      append(head + std::to_string(piece.end - from) + "\r\n");
      bytes_.insert(bytes_.end(), session.bytes.begin() + static_cast<std::ptrdiff_t>(from),
                    session.bytes.begin() + static_cast<std::ptrdiff_t>(piece.end));
      append("\r\n");
      ends_.push_back(bytes_.size());
      from = piece.end;
    }
  }

  /// From now on it is done when every message is acknowledged.
  void begin() {
    streams_ = true;
    sent_ = 0;
  }
  bool done() const override { return streams_ ? acknowledged_ == ends_.size() : greeted_ && !awaits_stream_; }

  std::size_t on_bytes(Bytes received) override {
    const std::string_view text(reinterpret_cast<const char*>(received.data()), received.size());
    std::size_t at = 0;
    while (failed_.empty()) {
      const std::size_t end = text.find("\r\n", at);
      if (end == std::string_view::npos) {
        break;
      }
      const std::string_view line = text.substr(at, end - at);
      if (!line.starts_with("MSG ")) {
        on_line(line);
        at = end + 2;
        continue;
      }
      const std::string_view digits = line.substr(line.rfind(' ') + 1);
      std::size_t size = 0;
      std::from_chars(digits.data(), digits.data() + digits.size(), size);
      if (text.size() < end + 2 + size + 2) {
        break;
      }
      on_message(text.substr(end + 2, size));
      at = end + 2 + size + 2;
    }
    return at;
  }

  Bytes to_send() override {
    if (!streams_) {
      return as_bytes(greeting_).subspan(sent_);
    }
    while (allowed_ < ends_.size() && session_.pieces[allowed_].last_seq <= acknowledged_events() + kWindow) {
      ++allowed_;
    }
    const std::size_t end = allowed_ == 0 ? 0 : ends_[allowed_ - 1];
    return Bytes(bytes_).subspan(sent_, std::min(end - sent_, kSendMax));
  }
  void on_sent(std::size_t size) override { sent_ += size; }

 private:
  void append(std::string_view text) {
    const Bytes more = as_bytes(text);
    bytes_.insert(bytes_.end(), more.begin(), more.end());
  }
  std::uint64_t acknowledged_events() const {
    return acknowledged_ == 0 ? 0 : session_.pieces[acknowledged_ - 1].last_seq;
  }
  // The server asks for a PONG after minutes of silence only; a run is shorter.
  void on_line(std::string_view line) {
    if (line == "PONG") {
      greeted_ = true;
    } else if (line.starts_with("-ERR")) {
      failed_ = "nats-server: " + std::string(line);
    }
  }
  void on_message(std::string_view body) {
    if (body.find("\"error\"") != std::string_view::npos) {
      failed_ = "JetStream: " + std::string(body);
    } else if (awaits_stream_) {
      awaits_stream_ = false;
    } else if (acknowledged_ < ends_.size()) {
      ++acknowledged_;
    }
  }

  const Session& session_;
  std::string greeting_;
  std::vector<std::byte> bytes_;
  std::vector<std::size_t> ends_;  // Of messages in bytes_.
  std::size_t sent_ = 0;
  std::size_t allowed_ = 0;
  std::size_t acknowledged_ = 0;  // Messages.
  bool awaits_stream_ = false;
  bool greeted_ = false;
  bool streams_ = false;
};

}  // namespace

Outcome load_jetstream(const Workload& work, std::uint16_t port, int served_by) {
  Outcome outcome;
  std::vector<std::unique_ptr<Publisher>> publishers;
  Conversation conversation(port);
  for (const Session& session : work.sessions) {
    publishers.push_back(std::make_unique<Publisher>(session, publishers.size(), publishers.empty()));
    outcome.error = conversation.add(*publishers.back());
    if (!outcome.error.empty()) {
      return outcome;
    }
  }
  outcome.error = conversation.run(kGreetingMax);
  if (!outcome.error.empty()) {
    return outcome;
  }
  for (const auto& publisher : publishers) {
    publisher->begin();
  }
  return run_timed(conversation, served_by);
}

}  // namespace cubby::bench
