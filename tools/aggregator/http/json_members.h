#pragma once

#include <algorithm>
#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cubby::aggregator {

/// The members of a JSON object: each is asked for by name, what nobody asks for is wrong. Remembers the first problem.
class Members {
 public:
  /// `place` stands before the members' names in what is said about them, e.g. "rules.".
  explicit Members(const boost::json::object& object, std::string place = {})
      : object_(object), place_(std::move(place)) {}

  bool has(std::string_view name) const { return object_.if_contains(name) != nullptr; }

  std::uint64_t number(std::string_view name, std::uint64_t least, std::uint64_t most) {
    const boost::json::value* value = find(name);
    const bool good = value != nullptr && value->is_int64() && value->as_int64() >= 0 &&
                      static_cast<std::uint64_t>(value->as_int64()) >= least &&
                      static_cast<std::uint64_t>(value->as_int64()) <= most;
    if (!good) {
      wrong(name, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    }
    return good ? static_cast<std::uint64_t>(value->as_int64()) : 0;
  }
  std::uint64_t number_or(std::string_view name, std::uint64_t least, std::uint64_t most, std::uint64_t absent) {
    return object_.if_contains(name) == nullptr ? absent : number(name, least, most);
  }
  std::int64_t signed_number(std::string_view name, std::int64_t least, std::int64_t most) {
    const boost::json::value* value = find(name);
    if (value == nullptr || !value->is_int64() || value->as_int64() < least || value->as_int64() > most) {
      wrong(name, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
      return 0;
    }
    return value->as_int64();
  }
  bool flag(std::string_view name) {
    const boost::json::value* value = find(name);
    if (value == nullptr || !value->is_bool()) {
      wrong(name, "true or false");
      return false;
    }
    return value->as_bool();
  }
  bool flag_or_no(std::string_view name) { return object_.if_contains(name) != nullptr && flag(name); }
  /// `words` says what `is_good` accepts.
  std::string text(std::string_view name, bool (*is_good)(std::string_view), const char* words) {
    const boost::json::value* value = find(name);
    if (value == nullptr || !value->is_string() || !is_good(std::string_view(value->as_string()))) {
      wrong(name, words);
      return {};
    }
    return std::string(value->as_string());
  }
  std::string text_or_none(std::string_view name, bool (*is_good)(std::string_view), const char* words) {
    return object_.if_contains(name) == nullptr ? std::string() : text(name, is_good, words);
  }
  /// Null: it is not there, or not one.
  const boost::json::object* object(std::string_view name) {
    const boost::json::value* value = find(name);
    if (value == nullptr || !value->is_object()) {
      wrong(name, "an object");
      return nullptr;
    }
    return &value->as_object();
  }
  const boost::json::array* array(std::string_view name, std::size_t most) {
    const boost::json::value* value = find(name);
    if (value == nullptr || !value->is_array() || value->as_array().size() > most) {
      wrong(name, "a list of at most " + std::to_string(most));
      return nullptr;
    }
    return &value->as_array();
  }
  /// Of the objects in a member.
  void note(const std::string& problem) { problem_ = problem_.empty() ? problem : problem_; }
  /// Empty: all is good.
  std::string problem() const {
    for (const auto& [name, value] : object_) {
      const std::string_view member(name);
      if (problem_.empty() && std::find(asked_.begin(), asked_.end(), member) == asked_.end()) {
        return "unknown member '" + place_ + std::string(member.substr(0, 32)) + "'";
      }
    }
    return problem_;
  }

 private:
  const boost::json::value* find(std::string_view name) {
    asked_.push_back(name);
    return object_.if_contains(name);
  }
  void wrong(std::string_view name, const std::string& words) {
    if (problem_.empty()) {
      problem_ = place_ + std::string(name) + " must be " + words;
    }
  }

  const boost::json::object& object_;
  std::string place_;
  std::vector<std::string_view> asked_;
  std::string problem_;
};

}  // namespace cubby::aggregator
