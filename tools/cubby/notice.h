#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "firmware/base/bytes.h"
#include "firmware/base/fleet_keys.h"

namespace cubby::tools {

/// A row of GET /v1/events, as far as it is the same for all events.
struct LogPlace {
  std::uint64_t id = 0;
  std::string station;
  std::string journal;  // Hexadecimal.
  std::uint64_t seq = 0;
  friend bool operator==(const LogPlace&, const LogPlace&) = default;
};
/// nullopt: that is no row.
std::optional<LogPlace> place_of(const boost::json::value& row);

/// What a recipient is to be told. docs/spec/notices.md
struct Notice {
  std::string kind;
  std::string key;   // Of the event: the same however often it is sent.
  std::string body;  // JSON. Has a pickup code and a parcel's number: never log it.
};

enum class NoticeOf : std::uint8_t {
  kNothing = 0,  // The recipient need not know.
  kNotice,
  kUnreadable,  // An event that this program does not know whole: there may be somebody who should have been told.
};
/// Fills in `notice` if there is one. The code is made from the fleet's key, as stations make it.
NoticeOf read_notice(const boost::json::value& row, const LogPlace& place, const FleetKeys& fleet_keys, Notice& notice);

/// "sha256=" and the HMAC-SHA-256 of the body in hexadecimal.
std::string signature_of(const std::string& secret, const std::string& body);

}  // namespace cubby::tools
