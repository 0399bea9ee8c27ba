// BusExchange with an adapter that gives back what is sent, or does not: up to four exchanges in a row with a board of
// any family.
#include <algorithm>

#include "firmware/drivers/bus_exchange.h"
#include "fuzz/replies.h"
#include "support/scripted_bus.h"

namespace cubby::fuzz {
namespace {

using drivers::Exchange;
using drivers::Request;

/// More than that and the oldest is dropped: then only what was taken can be checked, not what was not.
constexpr std::size_t kKeptMax = 128;

struct Arrival {
  Instant at{};
  std::byte value{};
};

/// What has to become of an exchange in which those bytes came.
Exchange outcome_of(const drivers::BoardSettings& board, Request request, bool echo, Bytes sent, Bytes received) {
  if (!drivers::lock_board(board.family).answers(board, request.kind)) {
    return Exchange::kSent;
  }
  auto from = received;
  if (echo) {
    const auto before =
        static_cast<std::size_t>(std::search(from.begin(), from.end(), sent.begin(), sent.end()) - from.begin());
    if (before == from.size()) {
      return Exchange::kUnknown;
    }
    from = from.subspan(before + sent.size());
  }
  const auto answer = find_answer(board, request, from);
  if (!answer.has_value()) {
    return Exchange::kUnknown;
  }
  const bool echoed = received.size() >= sent.size() && std::equal(sent.begin(), sent.end(), received.begin());
  if (!echo && request.kind == Request::Kind::kRead && echoed && answer->at >= sent.size()) {
    return Exchange::kUnknown;  // The adapter is not what it was said to be.
  }
  return answer->meaning.what;
}

}  // namespace

void bus_exchange(Bytes bytes) {
  Input input(bytes);
  const auto family =
      input.pick({BoardFamily::kP1, BoardFamily::kP2, BoardFamily::kP5, BoardFamily::kP6, BoardFamily::kP7});
  const bool echo = input.flag();
  const auto board = settings_from(input, family);
  tests::ScriptedBus bus;
  drivers::BusExchange exchange(bus);
  exchange.expect_echo(echo);
  Instant now{1'000'000};
  Instant quiet_at = now;  // Nothing more is scripted to arrive from then on.
  std::vector<Arrival> arrivals;
  std::size_t frames = 0;

  for (int round = 0; round < 4 && !input.empty(); ++round) {
    const auto request = request_from(input, board);
    const auto started = now;
    require(exchange.start(board, request, now, false) == Status::kOk, "a bus that is free takes a request");
    ++frames;
    require(exchange.start(board, request, now, false) == Status::kWrongState, "one exchange at a time");
    const auto sent = tests::request_frame(board, request);
    require(bus.sent().size() == frames && bus.sent().back().bytes == sent, "one frame, the request's");

    auto pieces = input.byte() & 7;
    quiet_at = std::max(quiet_at, now);
    while (pieces-- > 0) {
      quiet_at = quiet_at + Duration::milliseconds(static_cast<std::int64_t>(input.one_of(32)));
      const auto reply = reply_from(input, board, request);
      bus.arrive(reply, quiet_at);
      for (const auto value : reply) {
        quiet_at = quiet_at + Duration{bus.byte_time_us()};
        arrivals.push_back({quiet_at, value});
      }
    }

    const auto give_up =
        bus.sent_until() + drivers::lock_board(family).patience(board, request.kind, bus.byte_time_us());
    auto outcome = exchange.tick(now);
    for (int ticks = 0; outcome == Exchange::kWaiting; ++ticks) {
      require(ticks < 4'000, "an exchange ends");
      now = std::max(now, exchange.wake());
      outcome = exchange.tick(now);
    }
    require(now <= give_up, "an exchange ends in time");
    require(outcome != Exchange::kNone && outcome != Exchange::kNotSent, "its outcome is one of a frame that was sent");
    require(exchange.tick(now) == Exchange::kNone, "an outcome is told once");
    require(exchange.wake() == Instant::max(), "nobody waits for an exchange that is over");

    std::vector<std::byte> received;
    for (const auto& arrival : arrivals) {
      if (arrival.at > started && arrival.at <= now) {
        received.push_back(arrival.value);
      }
    }
    if (received.size() <= kKeptMax) {
      require(outcome == outcome_of(board, request, echo, sent, received), "an exchange ends as what came says");
    }
    if (outcome == Exchange::kDone && request.kind == Request::Kind::kRead) {
      bool told = false;
      for (std::size_t at = 0; at < received.size() && !told; ++at) {
        const auto meaning = tests::meaning_of(board, request, Bytes(received).subspan(at));
        told = meaning.has_value() && meaning->inputs == exchange.inputs();
      }
      require(told, "a reading is one that came");
    }
    now = std::max(now, bus.sent_until()) + Duration::milliseconds(static_cast<std::int64_t>(input.one_of(64)));
  }
}

}  // namespace cubby::fuzz
