#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace cubby::tools {

struct HttpAnswer {
  unsigned status = 0;
  std::string body;
  std::string error;         // One line; not empty: there was no answer.
  bool interrupted = false;  // By a signal: that is why.
};

/// One question and its answer, for commands that ask and end; what goes on asking is web_client.h.
/// GET http://host:port`target` with a bearer token. `host` is a name or an IP address. Ends at a signal.
HttpAnswer http_get(const std::string& host, std::uint16_t port, const std::string& target, const std::string& token,
                    std::chrono::seconds timeout);
/// The same with POST and a JSON body.
HttpAnswer http_post(const std::string& host, std::uint16_t port, const std::string& target, const std::string& token,
                     const std::string& body, std::chrono::seconds timeout);

/// Why the aggregator at `endpoint` gave none, in a line for a person.
std::string no_answer(const std::string& endpoint, const HttpAnswer& answer);

}  // namespace cubby::tools
