#include "tools/cubby/http_client.h"

#include "tools/cubby/web_client.h"

namespace cubby::tools {
namespace {

constexpr std::size_t kAnswerMax = std::size_t{64} * 1024 * 1024;

HttpAnswer ask(const std::string& host, std::uint16_t port, const std::string& token, WebRequest request,
               std::chrono::seconds timeout) {
  request.headers.emplace_back("Authorization", "Bearer " + token);
  WebLoop loop;
  WebReply reply = WebClient(loop, {.host = host, .port = port}).ask(request, timeout, kAnswerMax);
  HttpAnswer answer;
  if (reply.whole) {
    answer.status = reply.status;
    answer.body = std::move(reply.body);
  } else {
    answer.error = reply.error;
    answer.interrupted = loop.stopping();
  }
  return answer;
}

}  // namespace

std::string no_answer(const std::string& endpoint, const HttpAnswer& answer) {
  return endpoint + ": " + answer.error + (answer.interrupted ? "" : "; is cubby-aggregator running there?");
}

HttpAnswer http_get(const std::string& host, std::uint16_t port, const std::string& target, const std::string& token,
                    std::chrono::seconds timeout) {
  return ask(host, port, token, {.target = target, .headers = {}}, timeout);
}

HttpAnswer http_post(const std::string& host, std::uint16_t port, const std::string& target, const std::string& token,
                     const std::string& body, std::chrono::seconds timeout) {
  return ask(host, port, token,
             {.post = true, .target = target, .headers = {{"Content-Type", "application/json"}}, .body = body},
             timeout);
}

}  // namespace cubby::tools
