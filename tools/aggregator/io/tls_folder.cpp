#include "tools/aggregator/io/tls_folder.h"

#include <sys/stat.h>

namespace cubby::aggregator {

std::string TlsFolder::load(std::int64_t utc_s) {
  seen_ = look();
  std::string why;
  auto loaded = tls::Credentials::load(folder_, tls::End::kServer, why);
  if (loaded == nullptr) {
    return why;
  }
  if (utc_s >= loaded->own().expires_utc_s || utc_s < loaded->own().begins_utc_s) {
    return folder_ + "/cert.pem: has expired, or is not valid yet";
  }
  credentials_ = std::move(loaded);
  return {};
}

std::string TlsFolder::look() const {
  std::string seen;
  for (const char* name : {"/cert.pem", "/key.pem", "/ca.pem", "/crl.pem"}) {
    struct stat status {};
    if (stat((folder_ + name).c_str(), &status) == 0) {
      for (const auto number :
           {static_cast<std::int64_t>(status.st_ino), static_cast<std::int64_t>(status.st_size),
            static_cast<std::int64_t>(status.st_mtim.tv_sec), static_cast<std::int64_t>(status.st_mtim.tv_nsec)}) {
        seen += std::to_string(number) + ' ';
      }
    }
    seen += '\n';
  }
  return seen;
}

}  // namespace cubby::aggregator
