#include "firmware/base/status.h"

namespace cubby {

std::string_view to_string(Status status) {
  switch (status) {
    case Status::kOk:
      return "Ok";
    case Status::kBusy:
      return "Busy";
    case Status::kNoSpace:
      return "NoSpace";
    case Status::kNotFound:
      return "NotFound";
    case Status::kWrongState:
      return "WrongState";
    case Status::kBadInput:
      return "BadInput";
    case Status::kCorrupt:
      return "Corrupt";
    case Status::kIo:
      return "Io";
    case Status::kNotSent:
      return "NotSent";
    case Status::kUnknown:
      return "Unknown";
    case Status::kTimeout:
      return "Timeout";
    case Status::kRefused:
      return "Refused";
    case Status::kLocked:
      return "Locked";
    case Status::kVersion:
      return "Version";
    case Status::kNotSupported:
      return "NotSupported";
  }
  return "?";
}

}  // namespace cubby
