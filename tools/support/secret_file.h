#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

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
