#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "firmware/tls/session.h"

namespace cubby::aggregator {

/// The aggregator's folder of certificates, watched: a file that is replaced there is in force a little later.
class TlsFolder {
 public:
  explicit TlsFolder(std::string folder) : folder_(std::move(folder)) {}

  /// Reads it. Returns the error, and then what was in force stays so.
  std::string load(std::int64_t utc_s);
  /// Whether a file is another than when load() last looked.
  bool has_changed() const { return look() != seen_; }
  const std::shared_ptr<const tls::Credentials>& credentials() const { return credentials_; }

 private:
  std::string look() const;  // Identity, size and time of each file.
  std::string folder_;
  std::string seen_;
  std::shared_ptr<const tls::Credentials> credentials_;
};

}  // namespace cubby::aggregator
