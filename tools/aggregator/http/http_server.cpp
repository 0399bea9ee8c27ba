#include "tools/aggregator/http/http_server.h"

#include <spdlog/spdlog.h>

#include <pthread.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <csignal>
#include <optional>
#include <thread>

#include "tools/aggregator/http/api.h"
#include "tools/aggregator/http/event_stream.h"

namespace cubby::aggregator {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr std::uint32_t kHeaderMax = 8 * 1024;
constexpr std::uint64_t kBodyMax = 64 * 1024;
constexpr std::chrono::seconds kRequestTime{10};
constexpr std::size_t kExchangesMax = 256;  // Connections at a time.
constexpr std::chrono::milliseconds kAcceptRetry{100};

template <typename Clock>
std::uint64_t now_ms() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch()).count());
}

/// One HTTP connection: a request, its answer, the next request.
class Exchange final : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(tcp::socket socket, Api& api, std::size_t& live) : stream_(std::move(socket)), api_(api), live_(live) {
    ++live_;
  }
  ~Exchange() { --live_; }

  void read() {
    parser_.emplace();
    parser_->header_limit(kHeaderMax);
    parser_->body_limit(kBodyMax);
    stream_.expires_after(kRequestTime);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](const error_code& error, std::size_t) { self->on_read(error); });
  }

 private:
  void on_read(const error_code& error) {
    if (!error) {
      const auto& request = parser_->get();
      const auto authorization = request[http::field::authorization];
      const bool head = request.method() == http::verb::head;
      const auto last_event_id = request["Last-Event-ID"];
      ApiResponse answer = api_.answer({.method = {request.method_string().data(), request.method_string().size()},
                                        .target = {request.target().data(), request.target().size()},
                                        .authorization = {authorization.data(), authorization.size()},
                                        .body = request.body(),
                                        .last_event_id = {last_event_id.data(), last_event_id.size()},
                                        .now_ms = now_ms<std::chrono::steady_clock>(),
                                        .utc_ms = now_ms<std::chrono::system_clock>()});
      if (answer.stream && !head && api_.counters().streams < EventStream::kStreamsMax) {
        count(answer.status);
        stream_.expires_never();
        std::make_shared<EventStream>(stream_.release_socket(), api_, *answer.stream)->start();
        return;
      }
      if (answer.stream && !head) {
        answer = Api::problem(503, "busy", "too many readers of the live log");
      }
      send(answer, request.keep_alive(), head);
      return;
    }
    if (error == http::error::header_limit) {
      send(Api::problem(431, "header_too_large", "at most 8 KiB"), false, false);
    } else if (error == http::error::body_limit) {
      send(Api::problem(413, "body_too_large", "at most 64 KiB"), false, false);
    } else if (error == beast::error::timeout || error == asio::error::operation_aborted ||
               error == http::error::end_of_stream || error == asio::error::connection_reset) {
      return;
    } else if (error.category() == make_error_code(http::error::bad_method).category()) {
      send(Api::problem(400, "bad_request", "not HTTP/1.1"), false, false);
    }
  }

  void count(unsigned status) { ++api_.counters().requests_by_class[std::min(status / 100, 5U)]; }

  void send(const ApiResponse& answer, bool keep_alive, bool head) {
    count(answer.status);
    response_ = {};
    response_.result(answer.status);
    response_.version(11);
    response_.set(http::field::content_type, answer.content_type);
    response_.set(http::field::cache_control, "no-store");
    if (!answer.allow.empty()) {
      response_.set(http::field::allow, answer.allow);
    }
    if (answer.retry_after_s != 0) {
      response_.set(http::field::retry_after, std::to_string(answer.retry_after_s));
    }
    if (answer.status == 401) {
      response_.set(http::field::www_authenticate, "Bearer");
    }
    response_.keep_alive(keep_alive);
    if (!head) {
      response_.body() = answer.body;
    }
    response_.prepare_payload();
    stream_.expires_after(kRequestTime);
    http::async_write(stream_, response_,
                      [self = shared_from_this(), keep_alive](const error_code& error, std::size_t) {
                        if (!error && keep_alive) {
                          self->read();
                          return;
                        }
                        error_code ignored;
                        self->stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
                      });
  }

  beast::tcp_stream stream_;
  Api& api_;
  std::size_t& live_;
  beast::flat_buffer buffer_{kHeaderMax + kBodyMax};
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
};

}  // namespace

class HttpServer::Parts {
 public:
  Parts(HttpServerOptions options, const LiveStatus& status, const Presence& presence, CommandBook& book,
        CommandSink& sink, StationRegister& stations)
      : options_(std::move(options)),
        api_({.tokens = std::move(options_.tokens), .open_rates = options_.open_rates}, status, presence, book, sink,
             stations) {}

  std::string bind() {
    error_code error;
    const auto address = asio::ip::make_address(options_.host, error);
    if (error) {
      return "not an IP address";
    }
    const tcp::endpoint endpoint(address, options_.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) {
      acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    }
    if (!error) {
      acceptor_.bind(endpoint, error);
    }
    if (!error) {
      acceptor_.listen(asio::socket_base::max_listen_connections, error);
    }
    if (error == asio::error::address_in_use) {
      return "the port is in use";
    }
    return error ? error.message() : std::string();
  }

  std::string start() {
    if (std::string error = api_.open_store(options_.store_path); !error.empty()) {
      return error;
    }
    accept();
    thread_ = std::thread([this] {
      // Signals are for the main thread.
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_BLOCK, &all, nullptr);
      api_.remember_days();
      io_.run();
    });
    return {};
  }

  void stop() {
    io_.stop();
    if (thread_.joinable()) {
      thread_.join();
    }
  }

 private:
  void accept() {
    acceptor_.async_accept([this](const error_code& error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) {
        return;
      }
      if (error) {
        spdlog::warn("HTTP accept: {}", error.message());
        retry_.expires_after(kAcceptRetry);
        retry_.async_wait([this](const error_code& cancelled) {
          if (!cancelled) {
            accept();
          }
        });
        return;
      }
      if (live_ < kExchangesMax) {
        std::make_shared<Exchange>(std::move(socket), api_, live_)->read();
      }
      accept();
    });
  }

  HttpServerOptions options_;
  Api api_;
  std::size_t live_ = 0;  // Outlives the exchanges that io_ still holds.
  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_};
  asio::steady_timer retry_{io_};
  std::thread thread_;
};

HttpServer::HttpServer(HttpServerOptions options, const LiveStatus& status, const Presence& presence, CommandBook& book,
                       CommandSink& sink, StationRegister& stations)
    : parts_(std::make_unique<Parts>(std::move(options), status, presence, book, sink, stations)) {}
HttpServer::~HttpServer() {
  stop();
}
std::string HttpServer::bind() {
  return parts_->bind();
}
std::string HttpServer::start() {
  return parts_->start();
}
void HttpServer::stop() {
  parts_->stop();
}

}  // namespace cubby::aggregator
