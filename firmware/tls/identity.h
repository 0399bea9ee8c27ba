#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cubby::tls {

/// What a certificate is for. docs/spec/wire.md, "TLS", has the names that say it.
enum class Role : std::uint8_t { kStation, kConcentrator, kAggregator, kNotifier };
const char* to_text(Role role);
std::optional<Role> role_from(std::string_view text);

inline constexpr std::size_t kNameMax = 64;      // Of an owner that is not a station.
inline constexpr std::size_t kPatternsMax = 32;  // So that a certificate stays within kCertificatesMax.

/// Whom a certificate belongs to.
struct Identity {
  Role role = Role::kStation;
  std::string name;
  /// Whose events it may bring: its own name, or a concentrator's patterns.
  std::vector<std::string> stations;
};

/// 1 to 32 of A-Z, 0-9 and '-', as the aggregator takes stations' names.
bool is_station_name(std::string_view name);
/// 1 to 64 of A-Z, a-z, 0-9, '-', '_' and '.'.
bool is_owner_name(std::string_view name);
/// A station's name, or the beginning of one (may be empty) and '*'.
bool is_station_pattern(std::string_view pattern);

/// As URIs of the subject's alternative names; the reverse of read_identity().
std::vector<std::string> identity_uris(const Identity& identity);
/// nullopt: the names of the scheme `cubby:` say no role, more than one, something unknown or something that is not
/// of the role. Names of other schemes are skipped.
std::optional<Identity> read_identity(std::span<const std::string> uris);

}  // namespace cubby::tls
