#include "firmware/ports/posix/uplink_certificate.h"

#include <algorithm>

namespace cubby::posix {

std::shared_ptr<const tls::Credentials> load_certificate(const TlsSettings& settings, const std::string& station,
                                                         std::string& why) {
  auto credentials = tls::Credentials::load(settings.folder, tls::End::kClient, why);
  if (credentials == nullptr) {
    return nullptr;
  }
  const tls::Identity& own = credentials->own().identity;
  if (own.role != tls::Role::kStation || own.name != station) {
    why = settings.folder + "/cert.pem: is of " + to_text(own.role) + " " + own.name + ", not of station " + station;
    return nullptr;
  }
  return credentials;
}

}  // namespace cubby::posix
