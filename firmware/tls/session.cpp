#include "firmware/tls/session.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>

#include <algorithm>
#include <array>
#include <utility>

#include "firmware/base/assert.h"
#include "firmware/tls/openssl.h"

namespace cubby::tls {
namespace {

constexpr std::byte kHandshakeRecord{22};  // What each TLS connection begins with.

bool is_address(const std::string& name) {
  return name.find(':') != std::string::npos || name.find_first_not_of("0123456789.") == std::string::npos;
}

Refusal refusal_of_error(unsigned long error) {
  const int reason = ERR_GET_REASON(error);
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) {
    return Refusal::kOther;
  }
  switch (reason) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return Refusal::kNoCertificate;
    case SSL_R_UNSUPPORTED_PROTOCOL:
      return Refusal::kVersion;
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
      return Refusal::kNotTls;
    default:
      return reason >= SSL_AD_REASON_OFFSET ? Refusal::kByPeer : Refusal::kOther;
  }
}

}  // namespace

struct Session::Parts {
  SslPtr ssl;
  BIO* in = nullptr;  // Both belong to `ssl`.
  BIO* out = nullptr;
  End end = End::kServer;
  Refusal verdict = Refusal::kNone;  // Of the last look at a certificate's names.
  std::optional<Certificate> peer;
};

/// The names are judged while the chain is, so that the other side is told by an alert.
struct Judge {
  static int on_certificate(int good, X509_STORE_CTX* context) {
    if (good == 0 || X509_STORE_CTX_get_error_depth(context) != 0) {
      return good;
    }
    const auto* ssl =
        static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto& parts = *static_cast<Session::Parts*>(SSL_get_app_data(ssl));
    parts.peer = describe(X509_STORE_CTX_get_current_cert(context));
    parts.verdict = !parts.peer.has_value()                                  ? Refusal::kIdentity
                    : !is_role_of_peer(parts.end, parts.peer->identity.role) ? Refusal::kWrongRole
                                                                             : Refusal::kNone;
    if (parts.verdict == Refusal::kNone) {
      return 1;
    }
    X509_STORE_CTX_set_error(context, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
  }
};

Session::Session(std::shared_ptr<const Credentials> credentials, End end, const SessionOptions& options)
    : credentials_(std::move(credentials)), end_(end), parts_(std::make_unique<Parts>()) {
  ERR_clear_error();
  SSL* ssl = SSL_new(credentials_->parts().context.get());
  parts_->ssl.reset(ssl);
  parts_->in = BIO_new(BIO_s_mem());
  parts_->out = BIO_new(BIO_s_mem());
  CUBBY_ASSERT(ssl != nullptr && parts_->in != nullptr && parts_->out != nullptr);
  SSL_set_bio(ssl, parts_->in, parts_->out);
  parts_->end = end;
  SSL_set_app_data(ssl, parts_.get());
  SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, &Judge::on_certificate);
  set_verification(SSL_get0_param(ssl), end == End::kServer ? End::kClient : End::kServer, options.utc_s);
  if (end == End::kServer) {
    SSL_set_accept_state(ssl);
    return;
  }
  SSL_set_connect_state(ssl);
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const char* name = options.server_name.c_str();
  if ((is_address(options.server_name) ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name)
                                       : SSL_set1_host(ssl, name)) != 1 ||
      options.server_name.empty()) {
    this->end(Refusal::kIdentity, "no certificate can have the name that was asked for");
    return;
  }
  step();
}

Session::~Session() = default;

void Session::receive(Bytes wire) {
  if (state_ == State::kEnded || wire.empty()) {
    return;
  }
  if (state_ == State::kHandshake) {
    if (handshake_size_ == 0 && wire.front() != kHandshakeRecord) {
      end(Refusal::kNotTls, "not a TLS handshake");
      return;
    }
    handshake_size_ += wire.size();
    if (handshake_size_ > kHandshakeMax) {
      end(Refusal::kOther, "a handshake of more than 16 KiB");
      return;
    }
  }
  BIO_write(parts_->in, wire.data(), static_cast<int>(wire.size()));
  step();
}

void Session::step() {
  if (state_ != State::kHandshake) {
    return;
  }
  ERR_clear_error();
  const int result = SSL_do_handshake(parts_->ssl.get());
  drain();
  if (result != 1) {
    fail(result);
    return;
  }
  CUBBY_ASSERT(parts_->peer.has_value());
  peer_ = std::move(*parts_->peer);
  state_ = State::kUp;
}

std::size_t Session::read(MutableBytes into) {
  if (state_ != State::kUp || into.empty()) {
    return 0;
  }
  ERR_clear_error();
  std::size_t size = 0;
  const int result = SSL_read_ex(parts_->ssl.get(), into.data(), into.size(), &size);
  drain();  // A change of keys is answered.
  if (result != 1) {
    fail(result);
    return 0;
  }
  return size;
}

void Session::write(Bytes plain) {
  CUBBY_ASSERT(state_ == State::kUp);
  if (plain.empty()) {
    return;
  }
  ERR_clear_error();
  std::size_t size = 0;
  const int result = SSL_write_ex(parts_->ssl.get(), plain.data(), plain.size(), &size);
  drain();
  if (result != 1) {
    fail(result);
  }
}

void Session::drain() {
  const std::size_t waiting = BIO_ctrl_pending(parts_->out);
  const std::size_t from = outgoing_.size();
  outgoing_.resize(from + waiting);
  if (waiting > 0) {
    BIO_read(parts_->out, outgoing_.data() + from, static_cast<int>(waiting));
  }
}

void Session::fail(int result) {
  switch (SSL_get_error(parts_->ssl.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return;
    case SSL_ERROR_ZERO_RETURN:
      end(Refusal::kNone, "the other side has ended the session");
      return;
    default:
      break;
  }
  const unsigned long error = ERR_peek_last_error();
  const long verification = SSL_get_verify_result(parts_->ssl.get());
  if (parts_->verdict != Refusal::kNone) {
    end(parts_->verdict,
        parts_->verdict == Refusal::kWrongRole ? "a certificate of another role" : "names without a role");
  } else if (verification != X509_V_OK) {
    end(refusal_of_verification(verification), X509_verify_cert_error_string(verification));
  } else {
    end(refusal_of_error(error), take_openssl_error());
  }
  ERR_clear_error();
}

void Session::end(Refusal refusal, std::string_view detail) {
  state_ = State::kEnded;
  refusal_ = refusal;
  detail_ = detail;
}

Refusal Session::judge_again(const Credentials& newer, std::optional<std::int64_t> utc_s) const {
  X509* certificate = SSL_get0_peer_certificate(parts_->ssl.get());
  if (certificate == nullptr) {
    return Refusal::kNoCertificate;
  }
  const int error = verify(newer.parts(), certificate, end_ == End::kServer ? End::kClient : End::kServer, utc_s);
  return error == X509_V_OK ? Refusal::kNone : refusal_of_verification(error);
}

}  // namespace cubby::tls
