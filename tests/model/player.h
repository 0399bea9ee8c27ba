#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/reference.h"
#include "model/story.h"
#include "unit/core/station_world.h"

namespace cubby::model {

/// Plays a story at a station of the real firmware and compares each step with the reference: what opened,
/// what the station believes, what it journalled. After a power cut in the middle of a step several outcomes
/// are right; then the reference takes over the station's, if it is one of them. The invariants S1 to S4 and
/// S12 of docs/design/model.md hold after every step, cut or not.
class Player {
 public:
  static constexpr unsigned kSensors = 6;  // Doors from 1 on with an item sensor.
  explicit Player(bool short_codes);

  /// Empty, or what went wrong, after all that had happened.
  std::string play(const Story& story);
  /// How often what was journalled, by name, without doors.
  using Tally = std::map<std::string, std::uint64_t>;
  void count(Tally& tally) const;

 private:
  struct Wrong {
    std::string what;
  };
  struct Cut {};
  using Screen = drivers::Screen;
  using Command = cubby_v1_Command;
  /// What somebody at an open door came for.
  struct Errand {
    std::string puts_in;  // Number of a parcel that is not in yet.
    bool takes = false;
  };

  // player.cpp: the frame of a step, and what people do with their hands.
  void perform(const Step& step);
  void act(const Step& step);
  void begin_step(const Step& step);
  void catch_up();
  void run_out();
  void aftermath();
  void require(bool good, const std::string& what) const;
  void tell(const std::string& line) { told_.push_back(line); }
  void expect(const std::string& event) { expected_.push_back(event); }
  void pass(Duration duration);
  void seconds(std::int64_t count) { pass(Duration::seconds(count)); }
  void key(char value);
  void keys(const std::string& values);
  void scan(const std::string& text);
  void rest();
  bool wait_until(const std::function<bool()>& what, std::int64_t seconds_max);
  void see(Screen screen, std::int64_t seconds_max = 40);
  unsigned new_open_door() const;
  unsigned wait_open(unsigned door);
  void shut(unsigned door);
  /// Its item sensor, if it has one, sees what is inside.
  void sense(unsigned door) { world_.sense(door, !model_.door(door).inside.empty()); }
  static bool has_sensor(unsigned door) { return door <= kSensors; }
  std::int64_t now_ms() const { return world_.now().ms(); }
  std::int64_t powered_ms() const { return now_ms() - off_ms_; }
  void cycle_power();

  // acts.cpp
  void wait(const Step& step);
  void deposit(const Step& step, bool from_sender);
  void bring_in(unsigned size, const Step& step, std::set<unsigned>& tried);
  void store(unsigned door);
  void collect(const Step& step);
  void collect_at(unsigned door, AtDoor way);
  void guess(const Step& step);
  std::string some_wrong_code(const Step& step) const;
  void learn_code(const Parcel& parcel);
  void recall(const Step& step);
  void look(const Step& step);
  void put_back(const Step& step);
  void take_out(const Step& step);
  void give_order(const Step& step);
  void order(pb_size_t which, const std::function<void(Command&)>& fill, const std::string& outcome);
  void order_open(unsigned door);
  void order_settle(unsigned door);
  void order_reserve(const Step& step);
  void repeat_order();
  void jam(const Step& step);
  void force(const Step& step);
  void silence(const Step& step);
  void lose_clock();
  void reserve_ends(unsigned door);
  bool may_look(unsigned door) const;
  void looked(unsigned door);
  void settled(unsigned door, bool inside);
  void no_more_vacant(unsigned door);
  unsigned door_of(const Step& step) const;

  // checks.cpp
  void compare();
  void compare_door(unsigned door);
  void adopt();
  void adopt_door(unsigned door);
  void check_invariants();
  void check_unlocks();
  bool settled_down() const;
  bool was_uncertain(unsigned door) const;
  Belief belief_of(unsigned door) const;
  const core::Compartment& compartment(unsigned door) const;
  std::string number_behind(unsigned door) const;
  std::vector<std::string> journalled() const;

  tests::StationWorld world_;
  Reference model_;
  std::int64_t off_ms_ = 0;          // Without power so far.
  std::int64_t recorded_at_ms_ = 0;  // Powered time of the newest event, or earlier.
  std::int64_t slack_ms_ = 0;        // So much powered time at most was not written down before cuts.
  bool clock_known_ = true;
  unsigned parcels_ = 0;
  bool short_codes_;
  std::vector<std::string> codes_;  // All that were ever told, as they are typed: see Reference::opened_by.
  std::optional<Command> last_order_;
  unsigned char orders_ = 0;

  // Of the step:
  std::optional<Instant> cut_at_;
  bool was_cut_ = false;
  std::size_t events_before_ = 0;
  std::int64_t powered_before_ms_ = 0;
  std::uint32_t failures_before_ = 0;
  Reference before_;
  std::vector<std::string> expected_;
  std::set<unsigned> open_before_;
  std::set<unsigned> opened_;  // Doors that were seen open.
  std::set<unsigned> meant_;   // Doors that somebody has tried to open, or an order was about.
  Errand errand_;
  Parcel parcel_;  // That is brought.
  bool from_sender_ = false;

  std::size_t unlocks_seen_ = 0;
  std::size_t transitions_seen_ = 0;
  struct Authorisation {
    Instant at{};
    int attempts = 0;
  };
  std::map<unsigned, Authorisation> authorised_;
  std::vector<std::string> told_;
};

}  // namespace cubby::model
