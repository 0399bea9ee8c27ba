#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/fleet_keys.h"

namespace cubby::tools {

/// The content of a key or token file: one line of 64 hexadecimal digits. Never log it.
struct Secret {
  std::string text;
  std::vector<std::byte> bytes;  // The 32 bytes that the digits stand for.
  std::string error;             // Not empty: one line for a person, and there is no secret.
};

/// Reads the file; if there is none, makes one of 32 random bytes, readable by its owner only. When
/// several programs start at once they end up with the same file. A file that others can read is refused.
Secret load_or_create_secret(const std::filesystem::path& file);

/// The same, of a file that is there; makes none.
Secret read_secret(const std::filesystem::path& file);

/// A client's: of the file that somebody named, which has to be there, or else of the usual one.
Secret client_secret(const std::string& given, const std::filesystem::path& usual);

/// The fleet's keys. Never log them.
struct FleetKeyFile {
  FleetKeys keys;
  std::string error;  // Not empty: one line for a person, and there are no keys.
};

/// Reads a file of 1 to FleetKeys::kKeysMax lines `FROM KEY`, ascending: the key of 64 hexadecimal digits that station
/// keys of that version and later derive from. A key alone is good from version 1. No such file: read_fleet_keys()
/// fails, load_or_create_fleet_keys() makes one as load_or_create_secret() does.
FleetKeyFile read_fleet_keys(const std::filesystem::path& file);
FleetKeyFile load_or_create_fleet_keys(const std::filesystem::path& file);

/// $CUBBY_HOME, else $XDG_STATE_HOME/cubby, else ~/.local/state/cubby; made (mode 0700) if missing.
std::filesystem::path state_dir();
/// Where it is, or would be; makes nothing.
std::filesystem::path find_state_dir();
/// `name` (fleet.key, http.token, control.token) in state_dir().
std::filesystem::path default_secret_path(std::string_view name);
/// The token that suffices to read statistics: http.viewer.token in state_dir(), or http.token if only that is there.
std::filesystem::path default_viewer_token_path();

/// Equal or not, in a time that depends on the lengths only.
bool equal_secret(std::string_view a, std::string_view b);

}  // namespace cubby::tools
