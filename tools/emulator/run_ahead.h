#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "emulator/fleet/fleet.h"
#include "tools/emulator/centre_link.h"

namespace cubby::tools {

/// Runs the stations of a shard, each as far as it can go alone. Stations meet at the centre only, and a station that
/// spoke in window k hears the answer at the end of window k + 1 (ADR 5): until then nothing that another station or
/// the centre does can change what it does. So it runs up to there before the next station runs, and what many stations
/// said at different times shares one barrier and one commit. Each station does what it would do window by window.
class RunAhead {
 public:
  /// How far a station may be ahead of another.
  static constexpr std::int64_t kWindowsMax = 72;

  /// Of a batch: so few that the centre works on one while the stations of the next run.
  static constexpr std::size_t kSpeakersMax = 256;

  RunAhead(emulator::Fleet& fleet, std::size_t begin, std::size_t end, std::int64_t window_us,
           std::size_t speakers_max = kSpeakersMax);

  /// From the beginning of window `from`, where all stations of the shard are, to that of window `to`; at most
  /// kWindowsMax. False: the connection is gone, and the stations know; call again after connect(), with the same
  /// windows.
  bool run(CentreLink& centre, std::int64_t from, std::int64_t to);
  /// Awaits what the centre has not answered yet, and appends the frames that stations hear at the end of the window to
  /// come. False: as of run().
  bool finish(CentreLink& centre, std::vector<std::byte>& answers);
  /// Some station has not heard an answer yet.
  bool awaiting() const;
  /// Processor time of this thread that went into talking to the centre.
  double socket_seconds() const { return socket_seconds_; }

 private:
  struct Place {
    std::int64_t next = 0;           // Window that the station runs next.
    std::uint64_t barrier = 0;       // Behind what it said last and is not answered yet; 0: nothing is.
    bool ran = false;                // That window; what is left is to hear and to speak at its end.
    bool connected_now = false;      // At its end: answers to what was said before are another connection's.
    std::vector<std::byte> said;     // In that window.
    std::vector<std::byte> answers;  // That it has not heard yet; on channel 1, as a station expects them.
  };

  Instant end_of(std::int64_t window) const { return Instant{(window + 1) * window_us_}; }
  std::int64_t window_of(Instant at) const { return (at.us - 1) / window_us_; }
  bool advance(CentreLink& centre, std::size_t index, std::int64_t to);
  void run_window(std::size_t index, Place& place, std::int64_t to);
  void speak(Place& place);
  bool hear(CentreLink& centre, std::size_t index, Place& place);
  void close_batch(CentreLink& centre);
  bool await(CentreLink& centre, std::uint64_t barrier);
  void disconnect();

  emulator::Fleet& fleet_;
  std::size_t begin_;
  std::int64_t window_us_;
  std::size_t speakers_max_;
  std::vector<Place> places_;  // By station of the shard.
  // Said since the last barrier, by window from first_ on: so that in one batch time goes forward.
  std::array<std::vector<std::byte>, kWindowsMax> batch_;
  std::int64_t first_ = 0;
  std::size_t speakers_ = 0;  // In the batch.
  std::uint64_t closed_ = 0;  // Barriers that are out, counted from the first.
  std::uint64_t answered_ = 0;
  std::vector<std::byte> answers_;
  double socket_seconds_ = 0;
};

}  // namespace cubby::tools
