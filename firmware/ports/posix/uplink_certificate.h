#pragma once

#include <memory>
#include <string>

#include "firmware/tls/session.h"

namespace cubby::posix {

/// TLS to the aggregator, as the configuration has it.
struct TlsSettings {
  std::string folder;       // Of cert.pem, key.pem, ca.pem and perhaps crl.pem; empty: plaintext.
  std::string server_name;  // Name or address that the aggregator's certificate must have.
};

/// What stands in the folder, if it can speak for `station`. Null: `why` is a sentence for a person.
std::shared_ptr<const tls::Credentials> load_certificate(const TlsSettings& settings, const std::string& station,
                                                         std::string& why);

}  // namespace cubby::posix
