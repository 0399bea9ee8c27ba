#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

namespace cubby::aggregator {

/// What an aggregator would be started with.
struct StartPlan {
  std::string listen_host;
  std::uint16_t listen_port = 0;
  std::string http_host;
  std::uint16_t http_port = 0;
  std::string store_path;
  std::string tls_folder;  // Empty: plaintext.
  struct Secret {
    std::string what;
    std::filesystem::path file;
    bool of_fleet = false;  // Holds the keys that stations' derive from.
  };
  std::vector<Secret> secrets;
};

/// Looks at everything that could be in the way of serving, a line for each; every page of the store is read. Changes
/// nothing, also beside an aggregator that has the store. False: the start would fail, or is better not made.
bool report_start(const StartPlan& plan, std::uint64_t utc_s, std::ostream& out);

}  // namespace cubby::aggregator
