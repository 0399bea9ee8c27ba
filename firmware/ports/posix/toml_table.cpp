#include "firmware/ports/posix/toml_table.h"

#include <algorithm>

#include "firmware/base/names.h"
#include "firmware/base/nearest.h"

namespace cubby::posix {

void Problems::add(const toml::source_region& at, const std::string& name, std::string what) {
  disarm(what);
  if (!at.begin) {
    sentences_.emplace(std::pair(0U, 0U), (name.empty() ? file_ : name) + ": " + what);
    return;
  }
  add(toml_text::Place{.line = at.begin.line, .column = at.begin.column}, what);
}

void Problems::add(const toml_text::Place& at, const std::string& what) {
  sentences_.emplace(std::pair(at.line, at.column),
                     file_ + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": " + what);
}

std::vector<std::string> Problems::sentences() const {
  std::vector<std::string> all;
  for (const auto& [place, sentence] : sentences_) {
    all.push_back(sentence);
  }
  return all;
}

const toml::node* TomlTable::node(std::string_view key) {
  known_.emplace_back(key);
  return table_ == nullptr ? nullptr : table_->get(key);
}

void TomlTable::complain(std::string_view key, const std::string& what) {
  const toml::node* at = table_ == nullptr ? nullptr : table_->get(key);
  std::string option = "--" + title_ + "-" + std::string(key);
  std::erase_if(option, [](char c) { return c == '[' || c == ']'; });
  std::replace(option.begin(), option.end(), '_', '-');
  if (at != nullptr) {
    problems_.add(at->source(), option, title_ + ": " + what);
  } else {
    problems_.add(table_ == nullptr ? toml::source_region{} : table_->source(), {}, title_ + ": " + what);
  }
}

void TomlTable::need(std::string_view key) {
  if (!has(key)) {
    complain(key, "'" + std::string(key) + "' is missing");
  }
}

std::optional<std::int64_t> TomlTable::number_of(std::string_view key, const Range& range) {
  const toml::node* found = node(key);
  if (found == nullptr) {
    return std::nullopt;
  }
  const auto number = found->value_exact<std::int64_t>();
  if (!number.has_value() || *number < range.low || *number > range.high) {
    complain(key, "'" + std::string(key) + "' must be a whole number from " + std::to_string(range.low) + " to " +
                      std::to_string(range.high));
    return std::nullopt;
  }
  return number;
}

bool TomlTable::text(std::string_view key, std::string& value) {
  const toml::node* found = node(key);
  if (found == nullptr) {
    return false;
  }
  const auto text = found->value_exact<std::string>();
  if (!text.has_value()) {
    complain(key, "'" + std::string(key) + "' must be a text in quotes");
    return false;
  }
  value = *text;
  return true;
}

bool TomlTable::flag(std::string_view key, bool& value) {
  const toml::node* found = node(key);
  if (found == nullptr) {
    return false;
  }
  const auto flag = found->value_exact<bool>();
  if (!flag.has_value()) {
    complain(key, "'" + std::string(key) + "' must be true or false");
    return false;
  }
  value = *flag;
  return true;
}

std::optional<std::size_t> TomlTable::word(std::string_view key, const std::vector<std::string>& words) {
  std::string value;
  if (!text(key, value)) {
    return std::nullopt;
  }
  const auto at = std::find(words.begin(), words.end(), value);
  if (at != words.end()) {
    return static_cast<std::size_t>(at - words.begin());
  }
  std::string all;
  for (const std::string& known : words) {
    all += (all.empty() ? "" : ", ") + known;
  }
  complain(key, "'" + std::string(key) + "' must be one of " + all + ", not '" + value + "'");
  return std::nullopt;
}

void TomlTable::finish() {
  if (table_ == nullptr) {
    return;
  }
  for (const auto& [key, value] : *table_) {
    const std::string name(key.str());
    if (std::find(known_.begin(), known_.end(), name) == known_.end()) {
      const std::string close(nearest_name(name, known_));
      complain(name, "unknown key '" + name + "'" + (close.empty() ? "" : "; did you mean '" + close + "'?"));
    }
  }
}

}  // namespace cubby::posix
