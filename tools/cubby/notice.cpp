#include "tools/cubby/notice.h"

#include <google/protobuf/util/json_util.h>

#include <array>
#include <boost/json.hpp>

#include "cubby/v1/event.pb.h"
#include "firmware/base/digest.h"
#include "firmware/base/hotp.h"
#include "firmware/base/limits.h"
#include "tools/aggregator/core/hex.h"

namespace cubby::tools {
namespace {

namespace json = boost::json;

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

// `event` says of which digits and key the code is. False: no code has so many digits, or no key here is so old.
template <typename Event>
bool put_code(const Event& event, std::uint64_t counter, const LogPlace& place, const FleetKeys& fleet_keys,
              json::object& body) {
  const std::uint32_t digits = event.has_code_digits() ? event.code_digits() : limits::kCodeDigits;
  const auto key = fleet_keys.station_key(place.station, event.has_key_version() ? event.key_version() : 1);
  if ((digits != limits::kCodeDigits && digits != limits::kShortCodeDigits) || !key.has_value()) {
    return false;
  }
  body["code"] = pickup_code(*key, counter, digits).text();
  body["second_input"] = digits == limits::kShortCodeDigits ? "parcel_last_4" : "none";
  return true;
}

bool put_deposited(const v1::Deposited& event, const LogPlace& place, const FleetKeys& fleet_keys, json::object& body) {
  body["compartment"] = event.compartment();
  body["counter"] = event.counter();
  body["carrier"] = event.carrier();
  body["size"] = to_text(event.size());
  body["parcel"] = event.parcel();
  if (event.has_recipient_token()) {
    body["recipient_token"] = std::to_string(event.recipient_token());
  }
  return put_code(event, event.has_code_counter() ? event.code_counter() : event.counter(), place, fleet_keys, body);
}

bool put_reissued(const v1::CodeReissued& event, const LogPlace& place, const FleetKeys& fleet_keys,
                  json::object& body) {
  body["compartment"] = event.compartment();
  body["counter"] = event.counter();
  return put_code(event, event.code_counter(), place, fleet_keys, body);
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

NoticeOf read_notice(const json::value& row, const LogPlace& place, const FleetKeys& fleet_keys, Notice& notice) {
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
      good = put_deposited(event.deposited(), place, fleet_keys, body);
      break;
    case v1::Event::kCodeReissued:
      notice.kind = "code_reissued";
      good = put_reissued(event.code_reissued(), place, fleet_keys, body);
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
