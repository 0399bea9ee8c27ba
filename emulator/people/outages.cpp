#include "emulator/people/outages.h"

#include "emulator/people/distributions.h"

namespace cubby::emulator {
namespace {

constexpr double kYearS = 365.0 * 86'400;

}  // namespace

Duration draw_network_up(Prng& prng, const Profile& profile) {
  const double up = static_cast<double>(profile.network_up_per_million);
  return seconds(exponential(prng, profile.network_outage_mean_s * up / (1e6 - up)));
}

Duration draw_network_outage(Prng& prng, const Profile& profile) {
  return seconds(exponential(prng, profile.network_outage_mean_s));
}

Duration draw_mains_up(Prng& prng, const Profile& profile) {
  return seconds(exponential(prng, kYearS / profile.mains_losses_per_year));
}

Duration draw_mains_loss(Prng& prng, const Profile& profile) {
  return seconds(log_uniform(prng, profile.mains_loss_min_s, profile.mains_loss_max_s));
}

Duration draw_boards_answer(Prng& prng, const Profile& profile) {
  return seconds(exponential(prng, kYearS / profile.board_silences_per_year));
}

Duration draw_board_silence(Prng& prng, const Profile& profile) {
  return seconds(log_uniform(prng, profile.board_silence_min_s, profile.board_silence_max_s));
}

Duration battery_life(const Profile& profile) {
  return seconds(profile.battery_s);
}

}  // namespace cubby::emulator
