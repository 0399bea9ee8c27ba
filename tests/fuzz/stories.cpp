#include "fuzz/stories.h"

#include "cubby/v1/event.pb.h"

namespace cubby::fuzz {
namespace {

v1::Event event_of(const Story& story, std::size_t number, bool other) {
  v1::Event event;
  event.set_boot(1 + (other ? 1 : 0));
  event.set_wall_ms(kNoonUtcMs + number * 60'000);
  switch (number) {
    case 1:
      event.mutable_journal_opened()->set_journal_uid(text_of(story.uid));
      break;
    case 2: {
      v1::StationConfig& config = *event.mutable_config_applied()->mutable_config();
      config.set_version(1);
      config.set_station(story.station);
      config.set_city("Taiyuan");
      for (int door = 0; door < 4; ++door) {
        config.add_door_size(v1::SIZE_M);
      }
      break;
    }
    case 3:
      event.mutable_snapshot()->set_states(std::string(4, '\1'));
      break;
    default:
      event.mutable_deposited()->set_compartment(1 + static_cast<std::uint32_t>(number % 4));
      event.mutable_deposited()->set_carrier("sf");
      event.mutable_deposited()->set_size(v1::SIZE_M);
      break;
  }
  return event;
}

}  // namespace

Story make_story(std::size_t station, unsigned journal) {
  Story story;
  story.station = "SX-TY-000" + std::to_string(station + 1);
  story.uid.fill(static_cast<std::byte>(16 * (station + 1) + journal));
  for (const bool other : {false, true}) {
    auto& chains = story.chains[other ? 1 : 0];
    chains.push_back(chain_start(story.uid));
    for (std::size_t number = 1; number <= kStoryEvents; ++number) {
      std::string payload = event_of(story, number, other && number > 5).SerializeAsString();
      chains.push_back(chain_next(chains.back(), number, as_bytes(payload)));
      story.events[other ? 1 : 0].push_back(std::move(payload));
    }
  }
  return story;
}

}  // namespace cubby::fuzz
