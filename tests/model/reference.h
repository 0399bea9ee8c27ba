#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// What a station must do, written down from docs/ and not from the firmware: plain loops over plain
/// structs, no journal, no bus, no bitmaps.
namespace cubby::model {

enum class Belief : std::uint8_t { kVacant = 1, kReserved, kOccupied = 5, kOverdue, kDisputed = 9, kOutOfService };
const char* to_string(Belief belief);

struct Parcel {
  std::string number;
  std::string carrier;
  std::string code;         // Empty: from a sender.
  std::string recipient;    // Empty: nobody said.
  bool code_dead = false;   // Also of a sender's.
  std::int64_t due_ms = 0;  // In powered time; the station's own count may be behind, never ahead.
  bool due_exactly = true;  // No power cut since it was stored.
};

struct Door {
  unsigned size = 1;
  Belief belief = Belief::kVacant;
  std::optional<Parcel> booked;  // What the station must believe to be inside, or last believed to be.
  std::uint32_t wear = 0;
  // Of a reserved one:
  std::string kept_for;         // Brand.
  std::string kept_for_parcel;  // Empty: any of the brand's.
  std::int64_t kept_until_ms = 0;
  bool kept_exactly = true;
  // The truth:
  std::string inside;  // Number of the parcel; empty: nothing.
  bool jammed = false;
  bool readable = true;
};

/// Numbers as TurnedAwayReason of event.proto.
enum class Reason : std::uint8_t { kNone = 0, kFull, kNoSuchSize, kShareUsedUp, kFault = 6 };

class Reference {
 public:
  static constexpr unsigned kUpsizing = 1;
  static constexpr unsigned kSharePercent = 50;  // Of brand sf.
  static constexpr std::int64_t kRetentionMs = 48LL * 3'600'000;
  static constexpr std::int64_t kRetentionSfMs = 24LL * 3'600'000;
  static constexpr unsigned kSizesMax = 4;

  explicit Reference(const std::vector<unsigned>& sizes);

  /// Doors are counted from 1.
  Door& door(unsigned number) { return doors_[number - 1]; }
  const Door& door(unsigned number) const { return doors_[number - 1]; }
  unsigned doors() const { return static_cast<unsigned>(doors_.size()); }

  struct Choice {
    unsigned door = 0;  // 0: none, see reason.
    Reason reason = Reason::kNone;
  };
  /// docs/design/allocation.md. `tried`: doors that failed or were called off for this parcel.
  Choice choose(unsigned size, const std::string& carrier, const std::string& parcel,
                const std::set<unsigned>& tried) const;
  /// The same without what is reserved.
  Choice choose_vacant(unsigned size, const std::string& carrier, const std::set<unsigned>& tried) const;
  static std::int64_t retention_ms(const std::string& carrier) {
    return carrier == "sf" ? kRetentionSfMs : kRetentionMs;
  }
  /// Doors of the waiting parcels that have this code.
  std::set<unsigned> with_code(const std::string& code) const;
  /// Doors that open for what is typed: a code alone, or a short one, `#` and the second input.
  std::set<unsigned> opened_by(const std::string& typed) const;
  /// The last four digits of a parcel's number.
  static std::string second_input(const std::string& number);
  /// Code of a waiting parcel of that brand for that recipient; empty: there is none.
  std::string group_code(const std::string& carrier, const std::string& recipient) const;

  // The keypad.
  std::uint32_t failures = 0;
  std::int64_t locked_until_ms = 0;
  void wrong_code(std::int64_t now_ms);
  static std::int64_t lockout_ms(std::uint32_t failures);

 private:
  unsigned least_worn(unsigned size, const std::set<unsigned>& among) const;

  std::vector<Door> doors_;
};

}  // namespace cubby::model
