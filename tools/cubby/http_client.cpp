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

}  // namespace

HttpAnswer http_get(const std::string& host, std::uint16_t port, const std::string& target, const std::string& token,
                    std::chrono::seconds timeout) {
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
  http::request<http::empty_body> request{http::verb::get, target, 11};
  request.set(http::field::host, host);
  request.set(http::field::authorization, "Bearer " + token);
  request.set(http::field::connection, "close");
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

}  // namespace cubby::tools
