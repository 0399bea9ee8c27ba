#include "tools/cubby/export_events.h"
#include "tools/aggregator/core/hex.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <array>
#include <cctype>

#include "tools/aggregator/storage/event_json.h"
#include "tools/support/text.h"

namespace cubby::tools {
namespace {

namespace protobuf = google::protobuf;
using aggregator::LoggedEvent;

constexpr auto kBodyFields = std::to_array<const char*>(
    {"compartment", "size", "carrier", "parcel", "counter", "dwell_ms", "attempts", "open_ms", "item"});
// Why, or what became of it: no body has two of them but OpenFailed and CommandResult, whose first one says more.
constexpr auto kCauseFields = std::to_array<const char*>({"cause", "reason", "outcome", "action", "purpose"});

// "SIZE_M" of the enum Size is M: the enum's own name stands before each of its values.
std::string value_name(const protobuf::EnumValueDescriptor& value) {
  std::string prefix;
  for (const char c : value.type()->name()) {
    const auto octet = static_cast<unsigned char>(c);
    prefix += std::isupper(octet) != 0 && !prefix.empty() ? "_" : "";
    prefix += static_cast<char>(std::toupper(octet));
  }
  prefix += '_';
  return value.name().starts_with(prefix) ? value.name().substr(prefix.size()) : value.name();
}

// Empty: the body has no such field, or it is absent.
std::string field_text(const protobuf::Message& body, const char* name) {
  const protobuf::FieldDescriptor* const field = body.GetDescriptor()->FindFieldByName(name);
  const protobuf::Reflection& reflection = *body.GetReflection();
  if (field == nullptr || field->is_repeated() || (field->has_presence() && !reflection.HasField(body, field))) {
    return {};
  }
  switch (field->cpp_type()) {
    case protobuf::FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(reflection.GetUInt32(body, field));
    case protobuf::FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(reflection.GetUInt64(body, field));
    case protobuf::FieldDescriptor::CPPTYPE_STRING:
      return reflection.GetString(body, field);
    case protobuf::FieldDescriptor::CPPTYPE_ENUM: {
      const protobuf::EnumValueDescriptor* const value =
          field->enum_type()->FindValueByNumber(reflection.GetEnumValue(body, field));
      if (value == nullptr) {
        return std::to_string(reflection.GetEnumValue(body, field));
      }
      return value->number() == 0 ? std::string() : value_name(*value);
    }
    default:
      return {};
  }
}

const protobuf::Message* body_of(const v1::Event& event, std::string& kind) {
  const protobuf::FieldDescriptor* const field =
      event.GetReflection()->GetOneofFieldDescriptor(event, event.GetDescriptor()->FindOneofByName("body"));
  if (field == nullptr) {
    return nullptr;
  }
  kind = field->name();
  return &event.GetReflection()->GetMessage(event, field);
}

class CsvWriter final : public EventWriter {
 public:
  explicit CsvWriter(std::ostream& out) : out_(out) {}

  void begin() override {
    out_ << "station,journal,seq,time,boot,uptime_ms,kind";
    for (const char* name : kBodyFields) {
      out_ << ',' << name;
    }
    out_ << ",cause\r\n";
  }

  void take(const LoggedEvent& logged) override {
    if (!logged.wanted) {
      return;
    }
    out_ << csv_field(std::string(logged.station)) << ',' << aggregator::to_hex(logged.journal) << ',' << logged.seq
         << ',' << (logged.utc_ms ? utc_with_ms(*logged.utc_ms) : std::string()) << ',';
    if (logged.event != nullptr) {
      out_ << logged.event->boot() << ',' << logged.event->uptime_ms();
    } else {
      out_ << ',';
    }
    std::string kind = "undecoded";
    const protobuf::Message* const body = logged.event == nullptr ? nullptr : body_of(*logged.event, kind);
    out_ << ',' << kind;
    for (const char* name : kBodyFields) {
      out_ << ',' << (body == nullptr ? std::string() : csv_field(field_text(*body, name)));
    }
    std::string cause;
    for (const char* name : kCauseFields) {
      cause = cause.empty() && body != nullptr ? field_text(*body, name) : cause;
    }
    out_ << ',' << csv_field(cause) << "\r\n";
  }

 private:
  std::ostream& out_;
};

class JsonLinesWriter final : public EventWriter {
 public:
  explicit JsonLinesWriter(std::ostream& out) : out_(out) {}

  void take(const LoggedEvent& logged) override {
    if (logged.wanted) {
      // The station's name is 1 to 32 letters, digits, '-', '_' and '.'.
      out_ << R"({"station":")" << logged.station << R"(","journal":")" << aggregator::to_hex(logged.journal)
           << R"(","seq":")" << logged.seq << R"(","event":)" << aggregator::event_json(logged.payload) << "}\n";
    }
  }

 private:
  std::ostream& out_;
};

}  // namespace

std::unique_ptr<EventWriter> make_csv_writer(std::ostream& out) {
  return std::make_unique<CsvWriter>(out);
}

std::unique_ptr<EventWriter> make_json_lines_writer(std::ostream& out) {
  return std::make_unique<JsonLinesWriter>(out);
}

std::string csv_field(const std::string& text) {
  // What couriers scan goes on into spreadsheets, and those take a text that begins so for a formula.
  const bool formula = !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
  if (!formula && text.find_first_of(",\"\n\r") == std::string::npos) {
    return text;
  }
  std::string quoted = formula ? "\"'" : "\"";
  for (const char c : text) {
    quoted += c;
    if (c == '"') {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string utc_with_ms(std::uint64_t utc_ms) {
  std::string text = format_utc(utc_ms);
  const std::string fraction = std::to_string(1'000 + utc_ms % 1'000);
  text.pop_back();
  return text + "." + fraction.substr(1) + "Z";
}

}  // namespace cubby::tools
