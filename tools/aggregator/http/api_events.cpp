// The event log over HTTP: pages, and the live stream.
#include <boost/json.hpp>

#include "tools/aggregator/http/api.h"

namespace cubby::aggregator {
namespace {

namespace json = boost::json;

constexpr std::size_t kStreamEvents = 256;    // At a time; a reader's memory here is bounded by it.
constexpr std::uint64_t kIdMax = 1ULL << 53;  // JSON's numbers.

json::object to_json(const TailEvent& event) {
  return {{"id", event.id},
          {"station", event.station},
          {"journal", event.journal},
          {"seq", event.seq},
          {"event", json::parse(event.event)}};
}

}  // namespace

ApiResponse Api::events(const QueryParameters& parameters, bool as_stream, std::string_view last_event_id) {
  bool readable = true;
  const std::uint64_t newest = reader_.events().newest(readable);
  if (!readable) {
    return problem(503, "store_unavailable", "the store cannot be read now");
  }
  StreamPlace place;
  std::size_t limit = kPageMax;
  bool has_after = false;
  const auto take_after = [&](std::string_view text) {
    const auto after = text == "newest" ? newest : number_from(text, 0, kIdMax);
    place.after = after.value_or(0);
    has_after = true;
    return after.has_value();
  };
  for (const auto& [name, value] : parameters) {
    if (name == "station") {
      StationInfo info;
      const ReadStatus found = reader_.station(value, info);
      if (found != ReadStatus::kOk) {
        return found == ReadStatus::kUnknownStation ? problem(404, "unknown_station", "no such station has reported")
                                                    : problem(503, "store_unavailable", "the store cannot be read now");
      }
      place.station_id = info.id;
    } else if (name == "after" && !take_after(value)) {
      return problem(400, "bad_parameter", "after is the id of an event, or newest");
    } else if (name == "limit") {
      const auto number = number_from(value, 1, kPageMax);
      if (!number) {
        return problem(400, "bad_parameter", "limit must be 1..1000");
      }
      limit = static_cast<std::size_t>(*number);
    }
  }
  // What the reader has had weighs more than where it once began.
  if (!last_event_id.empty() && !take_after(last_event_id)) {
    return problem(400, "bad_parameter", "Last-Event-ID is the id of an event");
  }
  if (has_after && place.after >> 8 > newest >> 8) {
    return problem(400, "bad_parameter", "no event has that id yet; was the store another one?");
  }
  if (as_stream) {
    place.after = has_after ? place.after : newest;
    return {.status = 200, .content_type = "text/event-stream", .body = {}, .stream = place};
  }
  const TailPage page = reader_.events().page(place.after, place.station_id, limit);
  if (!page.ok) {
    return problem(503, "store_unavailable", "the store cannot be read now");
  }
  json::array rows;
  for (const TailEvent& event : page.events) {
    rows.push_back(to_json(event));
  }
  LogOrigin origin;
  if (!reader_.events().origin(origin)) {
    return problem(503, "store_unavailable", "the store cannot be read now");
  }
  json::array restores;
  for (const LogOrigin::Restored& restored : origin.restores) {
    restores.push_back({{"generation", restored.generation}, {"after", restored.after}});
  }
  json::object body{{"rows", std::move(rows)},         {"next_after", page.after},
                    {"at_end", page.at_end},           {"store_uid", origin.store_uid},
                    {"generation", origin.generation}, {"restores", std::move(restores)}};
  return ok(body);
}

bool Api::stream_text(StreamPlace& place, std::string& text) {
  const TailPage page = reader_.events().page(place.after, place.station_id, kStreamEvents);
  for (const TailEvent& event : page.events) {
    text += "id: " + std::to_string(event.id) + "\nevent: " + event.kind +
            "\ndata: " + json::serialize(to_json(event)) + "\n\n";
  }
  place.after = page.after;
  place.at_end = page.at_end;
  return page.ok;
}

}  // namespace cubby::aggregator
