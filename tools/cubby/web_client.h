#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace cubby::tools {

/// The one thread of a program that only asks others. Whatever it waits for ends at once when SIGINT or SIGTERM comes;
/// a second one ends the program.
class WebLoop {
 public:
  WebLoop();
  ~WebLoop();
  bool stopping() const;
  /// False: a signal has ended it.
  bool sleep(std::chrono::milliseconds time);

  struct Parts;
  Parts& parts() { return *parts_; }

 private:
  std::unique_ptr<Parts> parts_;
};

struct WebServer {
  std::string host;  // A name, or an address in digits.
  std::uint16_t port = 0;
  bool tls = false;
  std::string ca_file = {};    // PEM of whom to believe instead of the system's authorities.
  std::string cert_file = {};  // PEM of our own certificate and its chain, and of its key; empty: we have none.
  std::string key_file = {};
};

struct WebRequest {
  bool post = false;  // Else GET.
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body = {};
};

struct WebReply {
  unsigned status = 0;  // 0: there was none, `error` says why.
  std::string body;     // Empty if it was longer than allowed, or cut.
  bool whole = false;
  std::string retry_after;
  std::string error;  // One line, without anything of the request.
};

/// One server, and one connection to it that is kept as long as the server likes. Redirections are not followed.
class WebClient {
 public:
  WebClient(WebLoop& loop, WebServer server);
  ~WebClient();
  /// Empty, or why the authorities cannot be read.
  std::string load_authorities();
  /// Empty, or why our own certificate or its key cannot be used.
  std::string load_certificate();
  /// From looking up the name to the end of the answer, within `deadline`. `body_max` bounds the memory.
  WebReply ask(const WebRequest& request, std::chrono::milliseconds deadline, std::size_t body_max);

 private:
  class Exchange;
  std::unique_ptr<Exchange> exchange_;
};

}  // namespace cubby::tools
