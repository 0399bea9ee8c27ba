#include "tools/cubby/http_client.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

namespace cubby::tools {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::uint64_t kAnswerMax = 64 * 1024 * 1024;

HttpAnswer exchange(http::request<http::string_body> request, const std::string& host, std::uint16_t port,
                    const std::string& token, std::chrono::seconds timeout) {
  HttpAnswer answer;
  error_code failure;
  const auto address = asio::ip::make_address(host, failure);
  if (failure) {
    answer.error = "'" + host + "' is not an IP address";
    return answer;
  }
  asio::io_context io{1};
  beast::tcp_stream stream(io);
  beast::flat_buffer buffer;
  request.set(http::field::host, host);
  request.set(http::field::authorization, "Bearer " + token);
  request.set(http::field::connection, "close");
  request.prepare_payload();
  http::response_parser<http::string_body> response;
  response.body_limit(kAnswerMax);
  stream.expires_after(timeout);
  stream.async_connect(asio::ip::tcp::endpoint(address, port), [&](const error_code& refused) {
    failure = refused;
    if (refused) {
      return;
    }
    http::async_write(stream, request, [&](const error_code& broken, std::size_t) {
      failure = broken;
      if (broken) {
        return;
      }
      http::async_read(stream, buffer, response, [&](const error_code& cut, std::size_t) { failure = cut; });
    });
  });
  io.run();
  if (failure) {
    answer.error = failure == beast::error::timeout ? "no answer in time" : failure.message();
    return answer;
  }
  answer.status = response.get().result_int();
  answer.body = std::move(response.get().body());
  return answer;
}

}  // namespace

HttpAnswer http_get(const std::string& host, std::uint16_t port, const std::string& target, const std::string& token,
                    std::chrono::seconds timeout) {
  return exchange({http::verb::get, target, 11}, host, port, token, timeout);
}

HttpAnswer http_post(const std::string& host, std::uint16_t port, const std::string& target, const std::string& token,
                     const std::string& body, std::chrono::seconds timeout) {
  http::request<http::string_body> request{http::verb::post, target, 11, body};
  request.set(http::field::content_type, "application/json");
  return exchange(std::move(request), host, port, token, timeout);
}

}  // namespace cubby::tools
