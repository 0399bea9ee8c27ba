#include "tools/aggregator/storage/event_json.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include "tools/aggregator/core/hex.h"

namespace cubby::aggregator {
bool read_whole_event(Bytes payload, v1::Event& event) {
  return event.ParseFromArray(payload.data(), static_cast<int>(payload.size())) &&
         event.body_case() != v1::Event::BODY_NOT_SET && event.GetReflection()->GetUnknownFields(event).empty();
}

std::string event_json(Bytes payload, std::string* kind) {
  v1::Event event;
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  const bool whole =
      read_whole_event(payload, event) && google::protobuf::util::MessageToJsonString(event, &json, options).ok();
  if (kind != nullptr) {
    *kind = whole ? event.GetDescriptor()->FindFieldByNumber(static_cast<int>(event.body_case()))->name() : "undecoded";
  }
  return whole ? json : R"({"undecoded":")" + to_hex(payload) + R"("})";
}

}  // namespace cubby::aggregator
