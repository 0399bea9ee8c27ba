#pragma once

#include <string>
#include <vector>

namespace cubby::golden {

struct Vector {
  std::string name;
  std::string message;   // Without its package: "Up", "Down", "Event", "StationConfig".
  std::string text;      // Protobuf's text format.
  std::string bytes;     // Empty: not written yet.
  std::size_t line = 0;  // Of the text, from 0.
};

/// Reads vectors.txt; an unreadable file or line is a test failure and ends the program.
std::vector<Vector> load_vectors();
/// Writes the bytes that are missing. Never changes what is there.
void add_missing_bytes(const std::vector<Vector>& vectors);

std::string to_hex(const std::string& bytes);

}  // namespace cubby::golden
