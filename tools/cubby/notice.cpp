#include "tools/cubby/notice.h"

#include <google/protobuf/util/json_util.h>

#include <array>
#include <boost/json.hpp>

#include "cubby/v1/event.pb.h"
#include "firmware/base/digest.h"
#include "firmware/base/hotp.h"
#include "firmware/base/limits.h"
#include "tools/aggregator/storage/event_json.h"

namespace cubby::tools {
namespace {

namespace json = boost::json;

constexpr std::uint32_t kKeyVersion = 1;
constexpr std::size_t kNameMax = 64;

std::uint64_t number_in(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_int64() && value->as_int64() > 0 ? static_cast<std::uint64_t>(value->as_int64())
                                                                        : 0;
}

std::string text_in(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() && value->as_string().size() <= kNameMax
             ? std::string(value->as_string())
             : std::string();
}

const char* to_text(v1::Size size) {
  switch (size) {
    case v1::SIZE_S:
      return "S";
    case v1::SIZE_M:
      return "M";
    case v1::SIZE_L:
      return "L";
    case v1::SIZE_XL:
      return "XL";
    default:
      return "";
  }
}

// False: no code has so many digits.
bool put_code(const LogPlace& place, Bytes fleet_key, std::uint64_t counter, std::uint32_t digits, json::object& body) {
  if (digits != limits::kCodeDigits && digits != limits::kShortCodeDigits) {
    return false;
  }
  const StationKey key = derive_station_key(fleet_key, place.station, kKeyVersion);
  body["code"] = pickup_code(key, counter, digits).text();
  body["second_input"] = digits == limits::kShortCodeDigits ? "parcel_last_4" : "none";
  return true;
}

bool put_deposited(const v1::Deposited& event, const LogPlace& place, Bytes fleet_key, json::object& body) {
  body["compartment"] = event.compartment();
  body["counter"] = event.counter();
  body["carrier"] = event.carrier();
  body["size"] = to_text(event.size());
  body["parcel"] = event.parcel();
  if (event.has_recipient_token()) {
    body["recipient_token"] = std::to_string(event.recipient_token());
  }
  return put_code(place, fleet_key, event.has_code_counter() ? event.code_counter() : event.counter(),
                  event.has_code_digits() ? event.code_digits() : limits::kCodeDigits, body);
}

bool put_reissued(const v1::CodeReissued& event, const LogPlace& place, Bytes fleet_key, json::object& body) {
  body["compartment"] = event.compartment();
  body["counter"] = event.counter();
  return put_code(place, fleet_key, event.code_counter(),
                  event.has_code_digits() ? event.code_digits() : limits::kCodeDigits, body);
}

}  // namespace

std::optional<LogPlace> place_of(const json::value& row) {
  if (!row.is_object() || !row.as_object().contains("event")) {
    return std::nullopt;
  }
  const json::object& object = row.as_object();
  LogPlace place{.id = number_in(object, "id"),
                 .station = text_in(object, "station"),
                 .journal = text_in(object, "journal"),
                 .seq = number_in(object, "seq")};
  const bool whole = place.id != 0 && place.seq != 0 && !place.station.empty() && !place.journal.empty();
  return whole ? std::optional(std::move(place)) : std::nullopt;
}

NoticeOf read_notice(const json::value& row, const LogPlace& place, Bytes fleet_key, Notice& notice) {
  v1::Event event;
  google::protobuf::util::JsonParseOptions strict;
  if (!google::protobuf::util::JsonStringToMessage(json::serialize(row.at("event")), &event, strict).ok()) {
    return NoticeOf::kUnreadable;
  }
  json::object body;
  bool good = true;
  switch (event.body_case()) {
    case v1::Event::kDeposited:
      notice.kind = "deposited";
      good = put_deposited(event.deposited(), place, fleet_key, body);
      break;
    case v1::Event::kCodeReissued:
      notice.kind = "code_reissued";
      good = put_reissued(event.code_reissued(), place, fleet_key, body);
      break;
    case v1::Event::kOverdue:
      notice.kind = "overdue";
      body["compartment"] = event.overdue().compartment();
      body["counter"] = event.overdue().counter();
      break;
    default:
      return NoticeOf::kNothing;
  }
  if (!good) {
    return NoticeOf::kUnreadable;
  }
  body["kind"] = notice.kind;
  body["station"] = place.station;
  body["journal"] = place.journal;
  body["seq"] = place.seq;
  if (event.has_wall_ms()) {
    body["utc_ms"] = event.wall_ms();
  }
  notice.key = place.station + "/" + place.journal + "/" + std::to_string(place.seq);
  notice.body = json::serialize(body);
  return NoticeOf::kNotice;
}

std::string signature_of(const std::string& secret, const std::string& body) {
  const std::array<Bytes, 1> parts{as_bytes(body)};
  return "sha256=" + aggregator::to_hex(Bytes(hmac_sha256(as_bytes(secret), parts)));
}

}  // namespace cubby::tools
