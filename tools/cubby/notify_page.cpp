#include "tools/cubby/notify_page.h"

#include <algorithm>
#include <boost/json.hpp>

namespace cubby::tools {
namespace {

namespace json = boost::json;

// False: it is not there, or no number of that kind.
bool read_number(const json::object& object, std::string_view name, std::uint64_t& number) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_int64() || value->as_int64() < 0) {
    return false;
  }
  number = static_cast<std::uint64_t>(value->as_int64());
  return true;
}

bool read_restores(const json::object& object, std::vector<StoreRestored>& restores) {
  const json::value* list = object.if_contains("restores");
  if (list == nullptr || !list->is_array()) {
    return false;
  }
  return std::ranges::all_of(list->as_array(), [&restores](const json::value& one) {
    StoreRestored& restored = restores.emplace_back();
    return one.is_object() && read_number(one.as_object(), "generation", restored.generation) &&
           read_number(one.as_object(), "after", restored.after);
  });
}

}  // namespace

bool read_event_page(std::string_view text, EventPage& page) {
  boost::system::error_code error;
  json::value body = json::parse(text, error);
  if (error || !body.is_object()) {
    return false;
  }
  json::object& object = body.as_object();
  json::value* rows = object.if_contains("rows");
  const json::value* at_end = object.if_contains("at_end");
  const json::value* uid = object.if_contains("store_uid");
  page = {};
  if (rows == nullptr || !rows->is_array() || at_end == nullptr || !at_end->is_bool() || uid == nullptr ||
      !uid->is_string() || !read_number(object, "next_after", page.next_after) ||
      !read_number(object, "generation", page.store.generation) || !read_restores(object, page.restores)) {
    return false;
  }
  page.rows = std::move(rows->as_array());
  page.at_end = at_end->as_bool();
  page.store.uid = uid->as_string();
  return true;
}

std::optional<std::uint64_t> after_restores(const EventPage& page, std::uint64_t generation, std::uint64_t after) {
  bool is_told = false;
  for (const StoreRestored& restored : page.restores) {
    if (restored.generation > generation) {
      after = std::min(after, restored.after);
    }
    is_told = is_told || restored.generation == page.store.generation;
  }
  return is_told ? std::optional(after) : std::nullopt;
}

}  // namespace cubby::tools
