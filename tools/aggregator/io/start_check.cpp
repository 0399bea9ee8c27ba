#include "tools/aggregator/io/start_check.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ostream>

#include "firmware/tls/session.h"
#include "tools/aggregator/core/hex.h"
#include "tools/aggregator/storage/store_info.h"
#include "tools/support/secret_file.h"
#include "tools/support/text.h"

namespace cubby::aggregator {
namespace {

bool report_secret(const StartPlan::Secret& secret, std::ostream& out) {
  const std::filesystem::path& file = secret.file;
  std::error_code ignored;
  out << secret.what << ": ";
  if (!std::filesystem::exists(std::filesystem::symlink_status(file, ignored))) {
    const std::filesystem::path folder = file.parent_path();
    out << file.string() << ": not there yet; the first start makes it\n";
    return folder.empty() || !std::filesystem::exists(folder, ignored) ||
           std::filesystem::is_directory(folder, ignored);
  }
  const std::string error = secret.of_fleet ? tools::read_fleet_keys(file).error : tools::read_secret(file).error;
  out << (error.empty() ? file.string() + ": good" : error) << '\n';
  return error.empty();
}

bool report_certificate(const std::string& folder, std::int64_t utc_s, std::ostream& out) {
  if (folder.empty()) {
    out << "certificate: none, plaintext\n";
    return true;
  }
  std::string why;
  const auto credentials = tls::Credentials::load(folder, tls::End::kServer, why);
  if (credentials == nullptr) {
    out << "certificate: " << why << '\n';
    return false;
  }
  const tls::Certificate& own = credentials->own();
  const bool begun = own.begins_utc_s <= utc_s;
  const bool good = begun && own.expires_utc_s > utc_s;
  const std::int64_t when = begun ? own.expires_utc_s : own.begins_utc_s;
  out << "certificate: " << folder << ": of aggregator " << own.identity.name << ", "
      << (good    ? "good until "
          : begun ? "has expired on "
                  : "is not valid before ")
      << tools::format_utc(static_cast<std::uint64_t>(when) * 1'000) << '\n';
  return good;
}

/// 0: somebody could listen there now; else the error.
int try_to_bind(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    return EADDRNOTAVAIL;
  }
  const int line = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0);
  const int on = 1;
  const bool good = line >= 0 && setsockopt(line, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
                    bind(line, found->ai_addr, found->ai_addrlen) == 0;
  const int error = good ? 0 : errno;
  if (line >= 0) {
    close(line);
  }
  freeaddrinfo(found);
  return error;
}

bool report_port(const char* what, const std::string& host, std::uint16_t port, bool aggregator_runs,
                 std::ostream& out) {
  const int error = try_to_bind(host, port);
  out << what << ": " << host << ':' << port << ": ";
  if (error == EADDRINUSE) {
    out << "in use" << (aggregator_runs ? ", and so is the store: an aggregator runs" : "") << '\n';
    return aggregator_runs;
  }
  out << (error == 0 ? "free" : std::strerror(error)) << '\n';
  return error == 0;
}

bool report_store(const std::string& path, const StoreInfo& info, bool exists, std::ostream& out) {
  out << "store: " << path << ": ";
  if (!exists) {
    out << "not there yet; the first start makes it\n";
    return true;
  }
  if (!info.error.empty()) {
    out << info.error << '\n';
    return false;
  }
  out << "schema version " << info.version << ", store " << to_hex(info.identity.uid) << " of generation "
      << info.identity.generation << (info.in_use ? "; an aggregator has it open" : "") << "\nlog: " << info.events
      << " events of " << info.stations << " stations in " << info.journals << " journals, " << info.gaps
      << " gaps, the newest "
      << (info.last_event_utc_ms == 0 ? "did not know the time" : "of " + tools::format_utc(info.last_event_utc_ms))
      << "; every page was read\n";
  return true;
}

}  // namespace

bool report_start(const StartPlan& plan, std::uint64_t utc_s, std::ostream& out) {
  std::error_code ignored;
  const bool exists = std::filesystem::exists(plan.store_path, ignored);
  const StoreInfo info = exists ? read_store_info(plan.store_path, true) : StoreInfo{};
  bool good = report_port("stations", plan.listen_host, plan.listen_port, info.in_use, out);
  good = report_port("HTTP", plan.http_host, plan.http_port, info.in_use, out) && good;
  good = report_certificate(plan.tls_folder, static_cast<std::int64_t>(utc_s), out) && good;
  for (const StartPlan::Secret& secret : plan.secrets) {
    good = report_secret(secret, out) && good;
  }
  return report_store(plan.store_path, info, exists, out) && good;
}

}  // namespace cubby::aggregator
