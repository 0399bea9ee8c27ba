#include <array>
#include <boost/json.hpp>
#include <cctype>
#include <map>
#include <utility>

#include "firmware/base/parcel_number.h"
#include "tools/aggregator/core/hex.h"
#include "tools/cubby/export_events.h"

namespace cubby::tools {
namespace {

namespace json = boost::json;
using aggregator::LoggedEvent;

// Numbers of parcels that a journal has inside at a time; a station has 192 doors.
constexpr std::size_t kParcelsAJournal = 4'096;

constexpr std::size_t kSsccDigits = 18;

std::string uri_part(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string part;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (std::isalnum(octet) != 0 || c == '-' || c == '_' || c == '.') {
      part += c;
    } else {
      part += '%';
      part += kDigits[octet >> 4];
      part += kDigits[octet & 15];
    }
  }
  return part;
}

std::string offset_text(std::int32_t minutes) {
  const auto two = [](std::int32_t value) { return std::string(value < 10 ? "0" : "") + std::to_string(value); };
  const std::int32_t size = minutes < 0 ? -minutes : minutes;
  return (minutes < 0 ? "-" : "+") + two(size / 60) + ":" + two(size % 60);
}

/// What happened to a parcel, in the words of CBV 2.0.
struct Step {
  const char* biz_step;
  const char* disposition;  // Null: the vocabulary has none that fits.
};

class EpcisWriter final : public EventWriter {
 public:
  EpcisWriter(std::ostream& out, std::string uri_prefix, std::uint64_t created_utc_ms)
      : out_(out), prefix_(std::move(uri_prefix)), created_utc_ms_(created_utc_ms) {}

  void begin() override {
    const json::object own{{"cubby", prefix_ + "vocabulary/"}};
    out_ << R"({"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",)" << json::serialize(own)
         << R"(],"type":"EPCISDocument","schemaVersion":"2.0","creationDate":")" << utc_with_ms(created_utc_ms_)
         << R"(","epcisBody":{"eventList":[)";
  }

  void take(const LoggedEvent& logged) override {
    if (logged.event == nullptr) {
      return;
    }
    switch (logged.event->body_case()) {
      case v1::Event::kDeposited:
        put_in(logged, logged.event->deposited(), {"storing", "in_progress"});
        break;
      case v1::Event::kDroppedOff:
        put_in(logged, logged.event->dropped_off(), {"accepting", "in_progress"});
        break;
      case v1::Event::kRefused:
        tell(logged, logged.event->refused(), number_of(logged, logged.event->refused().counter()),
             {"holding", "returned"});
        break;
      case v1::Event::kCollected:
        take_out(logged, logged.event->collected(), {"accepting", nullptr});
        break;
      case v1::Event::kRecalled:
        take_out(logged, logged.event->recalled(), {"departing", "returned"});
        break;
      case v1::Event::kDispatched:
        take_out(logged, logged.event->dispatched(), {"departing", "in_transit"});
        break;
      default:  // Nothing happened to a parcel.
        break;
    }
  }

  void end() override { out_ << (first_ ? "" : "\n") << "]}}\n"; }

 private:
  using Inside = std::map<std::uint64_t, std::string>;  // Numbers by the counter of the deposit.

  template <typename Body>
  void put_in(const LoggedEvent& logged, const Body& body, const Step& step) {
    Inside& inside = inside_[logged.journal_id];
    inside[body.counter()] = body.parcel();
    if (inside.size() > kParcelsAJournal) {
      inside.erase(inside.begin());  // Counters grow: the oldest.
    }
    tell(logged, body, body.parcel(), step);
  }

  template <typename Body>
  void take_out(const LoggedEvent& logged, const Body& body, const Step& step) {
    const bool still_there = body.item() == v1::ITEM_READING_PRESENT;
    const std::string number = number_of(logged, body.counter());
    if (!still_there) {
      inside_[logged.journal_id].erase(body.counter());
      tell(logged, body, number, step);
    }
  }

  std::string number_of(const LoggedEvent& logged, std::uint64_t counter) const {
    const auto journal = inside_.find(logged.journal_id);
    if (journal == inside_.end()) {
      return {};
    }
    const auto found = journal->second.find(counter);
    return found == journal->second.end() ? std::string() : found->second;
  }

  // The parcel as a URI. One without a number is known by its place in the journal.
  std::string epc_of(const LoggedEvent& logged, const std::string& number, std::uint64_t counter) const {
    if (number.empty()) {
      return prefix_ + "deposit/" + aggregator::to_hex(logged.journal) + "/" + std::to_string(counter);
    }
    const ParcelNumberCheck check = check_parcel_number(number);
    if (check.kind == ParcelNumberKind::kSscc && check.good) {
      return "https://id.gs1.org/00/" + number.substr(number.size() - kSsccDigits);  // A barcode has 00 before it.
    }
    return prefix_ + (check.kind == ParcelNumberKind::kS10 && check.good ? "s10/" : "parcel/") + uri_part(number);
  }

  template <typename Body>
  void tell(const LoggedEvent& logged, const Body& body, const std::string& number, const Step& step) {
    if (!logged.wanted) {
      return;
    }
    if (!logged.utc_ms) {
      ++left_out_;  // The standard wants a time.
      return;
    }
    const std::string station = prefix_ + "station/" + uri_part(logged.station);
    json::object event;
    event["type"] = "ObjectEvent";
    event["eventID"] = prefix_ + "event/" + aggregator::to_hex(logged.journal) + "/" + std::to_string(logged.seq);
    event["eventTime"] = utc_with_ms(*logged.utc_ms);
    event["eventTimeZoneOffset"] = offset_text(logged.utc_offset_min);
    event["epcList"] = json::array{epc_of(logged, number, body.counter())};
    event["action"] = "OBSERVE";
    event["bizStep"] = step.biz_step;
    if (step.disposition != nullptr) {
      event["disposition"] = step.disposition;
    }
    event["readPoint"] = json::object{{"id", station + "/compartment/" + std::to_string(body.compartment())}};
    event["bizLocation"] = json::object{{"id", station}};
    event["cubby:carrier"] = body.carrier();
    out_ << (first_ ? "\n" : ",\n") << json::serialize(event);
    first_ = false;
  }

  std::ostream& out_;
  std::string prefix_;
  std::uint64_t created_utc_ms_;
  std::map<std::uint32_t, Inside> inside_;  // By journal.
  bool first_ = true;
};

}  // namespace

std::unique_ptr<EventWriter> make_epcis_writer(std::ostream& out, std::string uri_prefix,
                                               std::uint64_t created_utc_ms) {
  return std::make_unique<EpcisWriter>(out, std::move(uri_prefix), created_utc_ms);
}

}  // namespace cubby::tools
