#include "firmware/toml/toml_text.h"

#include <utility>

#include "firmware/base/names.h"

namespace cubby::toml_text {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

Parsed parse(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  Parsed parsed;
  toml::parse_result result = toml::parse(text);
  if (result) {
    parsed.table = std::move(result).table();
    return parsed;
  }
  const toml::source_position& begin = result.error().source().begin;
  std::string what(result.error().description());
  disarm(what);
  parsed.problem = {.at = {.line = begin.line, .column = begin.column}, .what = std::move(what)};
  return parsed;
}

}  // namespace cubby::toml_text
