#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "firmware/toml/toml_text.h"

namespace cubby::posix {

/// Sentences about a configuration file, each with its place, in the file's order.
class Problems {
 public:
  explicit Problems(std::string file) : file_(std::move(file)) {}
  /// `name` stands for the place where a value came from the command line.
  void add(const toml::source_region& at, const std::string& name, std::string what);
  void add(const toml_text::Place& at, const std::string& what);
  void add(const std::string& what) { add(toml::source_region{}, {}, what); }
  bool empty() const { return sentences_.empty(); }
  std::vector<std::string> sentences() const;

 private:
  std::string file_;
  std::multimap<std::pair<std::uint32_t, std::uint32_t>, std::string> sentences_;
};

/// One table of the file: its values are taken out by name, each with its bounds; what is missing or wrong becomes a
/// sentence and the default stays. finish() tells of keys that nobody took.
class TomlTable {
 public:
  /// `title` begins each sentence: "[bus]", "board 2". `table` may be null: empty.
  TomlTable(const toml::table* table, std::string title, Problems& problems)
      : table_(table), title_(std::move(title)), problems_(problems) {}

  struct Range {
    std::int64_t low = 0;
    std::int64_t high = 0;
  };
  /// False: it is not there, or it is wrong, which was said.
  template <typename Integer>
  bool integer(std::string_view key, const Range& range, Integer& value) {
    const auto number = number_of(key, range);
    if (number.has_value()) {
      value = static_cast<Integer>(*number);
    }
    return number.has_value();
  }
  bool text(std::string_view key, std::string& value);
  bool flag(std::string_view key, bool& value);
  /// A text that is one of `words`: its index.
  std::optional<std::size_t> word(std::string_view key, const std::vector<std::string>& words);
  const toml::node* node(std::string_view key);
  bool has(std::string_view key) const { return table_ != nullptr && table_->contains(key); }
  /// A sentence about that key; about the table where there is no such key.
  void complain(std::string_view key, const std::string& what);
  void need(std::string_view key);
  void finish();

 private:
  std::optional<std::int64_t> number_of(std::string_view key, const Range& range);

  const toml::table* table_;
  std::string title_;
  Problems& problems_;
  std::vector<std::string> known_;
};

}  // namespace cubby::posix
