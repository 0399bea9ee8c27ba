#include "tools/cubby/web_client.h"

#include <openssl/ssl.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <csignal>
#include <functional>
#include <optional>

namespace cubby::tools {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

constexpr std::uint32_t kHeaderMax = 16 * 1024;

}  // namespace

struct WebLoop::Parts {
  asio::io_context io{1};
  // Without work between two exchanges it would stop for good.
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  asio::signal_set signals{io, SIGINT, SIGTERM};
  bool stopping = false;
  std::function<void()> abort;  // Of what is waited for now.

  /// Until `done`, which whoever is waited for sets also after abort().
  void run_until(const bool& done, std::function<void()> on_stop) {
    abort = std::move(on_stop);
    if (stopping) {
      abort();
    }
    while (!done) {
      io.run_one();
    }
    abort = nullptr;
  }
};

WebLoop::WebLoop() : parts_(std::make_unique<Parts>()) {
  parts_->signals.async_wait([parts = parts_.get()](const error_code& error, int) {
    if (error) {
      return;
    }
    parts->stopping = true;
    parts->signals.clear();  // The next one ends the program.
    if (parts->abort) {
      parts->abort();
    }
  });
}
WebLoop::~WebLoop() = default;

bool WebLoop::stopping() const {
  return parts_->stopping;
}

bool WebLoop::sleep(std::chrono::milliseconds time) {
  bool done = false;
  asio::steady_timer timer(parts_->io, time);
  timer.async_wait([&done](const error_code&) { done = true; });
  parts_->run_until(done, [&timer] { timer.cancel(); });
  return !parts_->stopping;
}

/// The connection, and the one exchange on it that is under way.
class WebClient::Exchange {
 public:
  Exchange(WebLoop::Parts& loop, WebServer server) : loop_(loop), server_(std::move(server)) {}

  std::string load_authorities() {
    if (!server_.tls) {
      return {};
    }
    error_code error;
    SSL_CTX_set_min_proto_version(tls_context_.native_handle(), TLS1_2_VERSION);
    tls_context_.set_verify_mode(asio::ssl::verify_peer, error);
    if (!error) {
      tls_context_.set_verify_callback(asio::ssl::host_name_verification(server_.host), error);
    }
    if (!error && server_.ca_file.empty()) {
      tls_context_.set_default_verify_paths(error);
    } else if (!error) {
      tls_context_.load_verify_file(server_.ca_file, error);
    }
    return error ? error.message() : std::string();
  }

  std::string load_certificate() {
    if (!server_.tls || server_.cert_file.empty()) {
      return {};
    }
    error_code error;
    tls_context_.use_certificate_chain_file(server_.cert_file, error);
    if (!error) {
      tls_context_.use_private_key_file(server_.key_file, asio::ssl::context::pem, error);
    }
    if (!error && SSL_CTX_check_private_key(tls_context_.native_handle()) != 1) {
      return "the key is not the certificate's";
    }
    return error ? error.message() : std::string();
  }

  WebReply ask(const WebRequest& request, std::chrono::milliseconds deadline, std::size_t body_max) {
    const bool kept = is_open();
    WebReply reply = attempt(request, deadline, body_max);
    // A connection that the server has given up meanwhile is no failure of the server.
    if (kept && reply.status == 0 && !timed_out_ && !loop_.stopping) {
      reply = attempt(request, deadline, body_max);
    }
    return reply;
  }

 private:
  bool is_open() const { return stream_ && stream_->next_layer().is_open(); }
  tcp::socket& socket() { return stream_->next_layer(); }

  WebReply attempt(const WebRequest& request, std::chrono::milliseconds deadline, std::size_t body_max) {
    reply_ = {};
    done_ = false;
    timed_out_ = false;
    make_request(request, body_max);
    asio::steady_timer timer(loop_.io, deadline);
    bool timer_done = false;
    timer.async_wait([this, &timer_done](const error_code& error) {
      timer_done = true;
      if (!error && !done_) {
        timed_out_ = true;
        abort();
      }
    });
    if (is_open()) {
      write();
    } else {
      connect();
    }
    loop_.run_until(done_, [this] { abort(); });
    timer.cancel();
    while (!timer_done) {
      loop_.io.run_one();
    }
    if (timed_out_ && !reply_.whole) {
      reply_.error = "no answer in time";
    } else if (loop_.stopping && !reply_.whole) {
      reply_.error = "interrupted";
    }
    return std::move(reply_);
  }

  void make_request(const WebRequest& request, std::size_t body_max) {
    const bool is_default = server_.port == (server_.tls ? 443 : 80);
    request_ = {request.post ? http::verb::post : http::verb::get, request.target, 11, request.body};
    const bool brackets = server_.host.find(':') != std::string::npos;
    request_.set(http::field::host, (brackets ? "[" + server_.host + "]" : server_.host) +
                                        (is_default ? std::string() : ":" + std::to_string(server_.port)));
    request_.set(http::field::user_agent, "cubby");
    for (const auto& [name, value] : request.headers) {
      request_.set(name, value);
    }
    request_.prepare_payload();
    buffer_.clear();
    parser_.emplace();
    parser_->header_limit(kHeaderMax);
    parser_->body_limit(body_max);
  }

  // What is waited for ends with an error.
  void abort() {
    resolver_.cancel();
    close();
  }
  void close() {
    error_code ignored;
    if (stream_) {
      socket().close(ignored);
    }
  }
  void fail(const error_code& error) {
    reply_.error = error.message();
    close();
    done_ = true;
  }

  void connect() {
    stream_ = std::make_unique<asio::ssl::stream<tcp::socket>>(loop_.io, tls_context_);
    resolver_.async_resolve(server_.host, std::to_string(server_.port), tcp::resolver::numeric_service,
                            [this](const error_code& error, const tcp::resolver::results_type& found) {
                              if (error || timed_out_ || loop_.stopping) {
                                fail(error ? error : asio::error::operation_aborted);
                                return;
                              }
                              asio::async_connect(socket(), found, [this](const error_code& refused, const auto&) {
                                if (refused) {
                                  fail(refused);
                                  return;
                                }
                                shake_hands();
                              });
                            });
  }

  void shake_hands() {
    error_code ignored;
    socket().set_option(tcp::no_delay(true), ignored);
    if (!server_.tls) {
      write();
      return;
    }
    asio::ip::make_address(server_.host, ignored);
    if (ignored) {                      // A name, not an address: servers with several certificates want to know it.
      std::string name = server_.host;  // As SSL_set_tlsext_host_name() does, which casts in the old style.
      SSL_ctrl(stream_->native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    }
    stream_->async_handshake(asio::ssl::stream_base::client, [this](const error_code& error) {
      if (error) {
        fail(error);
        return;
      }
      write();
    });
  }

  void write() { server_.tls ? write_to(*stream_) : write_to(socket()); }

  template <typename Stream>
  void write_to(Stream& stream) {
    http::async_write(stream, request_, [this, &stream](const error_code& error, std::size_t) {
      if (error) {
        fail(error);
        return;
      }
      http::async_read_header(stream, buffer_, *parser_, [this, &stream](const error_code& cut, std::size_t) {
        if (cut) {
          fail(cut);
          return;
        }
        read_body(stream);
      });
    });
  }

  // The status is the answer, whatever becomes of the rest.
  template <typename Stream>
  void read_body(Stream& stream) {
    reply_.status = parser_->get().result_int();
    const auto retry_after = parser_->get()[http::field::retry_after];
    reply_.retry_after.assign(retry_after.data(), retry_after.size());
    http::async_read(stream, buffer_, *parser_, [this](const error_code& error, std::size_t) {
      reply_.whole = !error;
      if (reply_.whole) {
        reply_.body = std::move(parser_->get().body());
      } else {
        reply_.error = error.message();
      }
      if (!reply_.whole || !parser_->get().keep_alive() || buffer_.size() != 0) {
        close();
      }
      done_ = true;
    });
  }

  WebLoop::Parts& loop_;
  WebServer server_;
  asio::ssl::context tls_context_{asio::ssl::context::tls_client};
  tcp::resolver resolver_{loop_.io};
  std::unique_ptr<asio::ssl::stream<tcp::socket>> stream_;  // Without TLS only its socket is used.
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  std::optional<http::response_parser<http::string_body>> parser_;
  WebReply reply_;
  bool done_ = false;
  bool timed_out_ = false;
};

WebClient::WebClient(WebLoop& loop, WebServer server)
    : exchange_(std::make_unique<Exchange>(loop.parts(), std::move(server))) {}
WebClient::~WebClient() = default;
std::string WebClient::load_authorities() {
  return exchange_->load_authorities();
}
std::string WebClient::load_certificate() {
  return exchange_->load_certificate();
}
WebReply WebClient::ask(const WebRequest& request, std::chrono::milliseconds deadline, std::size_t body_max) {
  return exchange_->ask(request, deadline, body_max);
}

}  // namespace cubby::tools
