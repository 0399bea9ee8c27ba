#include "tools/emulator/live_links.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "tools/emulator/centre_link.h"

namespace cubby::tools {

LiveLinks::LiveLinks(boost::asio::io_context& context, emulator::Fleet& fleet, const LiveLinksOptions& options)
    : context_(context),
      fleet_(fleet),
      options_(options),
      connections_(fleet.station_count()),
      asking_(fleet.station_count()) {}

LiveLinks::~LiveLinks() {
  for (const auto& connection : connections_) {
    if (connection) {
      connection->close();
    }
  }
}

void LiveLinks::tell(const std::string& trouble) {
  if (!trouble.empty() && trouble != told_) {
    spdlog::warn("TLS with the aggregator: {}", trouble);
    told_ = trouble;
  }
}

LinkFigures LiveLinks::take_figures() {
  LinkFigures taken = std::exchange(figures_, {});
  figures_.waiting = taken.waiting;
  figures_.up = taken.up;
  return taken;
}

void LiveLinks::exchange(std::uint64_t utc_ms, AckMeter::Time window_began) {
  const AckMeter::Time now = AckMeter::Time::clock::now();
  figures_.waiting = figures_.up = 0;
  std::size_t opening = 0;
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    // A quiet station costs two looks: nothing was said on either side.
    if (connections_[i] && (fleet_.touched(i) || connections_[i]->has_news())) {
      advance(i, utc_ms, window_began, now);
    }
    note_wish(i);
    if (!connections_[i]) {
      figures_.waiting += asking_[i];
    } else {
      opening += connections_[i]->state() == State::kConnecting ? 1 : 0;
      figures_.up += connections_[i]->state() == State::kUp ? 1 : 0;
    }
  }
  opening = open_next(opening);
  figures_.opening = std::max<std::uint64_t>(figures_.opening, opening);
}

// Counts a station once for each time that it calls.
void LiveLinks::note_wish(std::size_t index) {
  if (fleet_.touched(index)) {
    const bool wants = std::as_const(fleet_).station(index).link().wants_connection();
    figures_.asked += wants && asking_[index] == 0 ? 1 : 0;
    asking_[index] = wants ? 1 : 0;
  }
}

// Gives the next ones their turn; returns how many connections are being opened then.
std::size_t LiveLinks::open_next(std::size_t opening) {
  const std::size_t count = connections_.size();
  const std::size_t first = next_;
  for (std::size_t i = 0; i < count && figures_.waiting > 0 && opening < options_.opening_max; ++i) {
    const std::size_t index = (first + i) % count;
    if (connections_[index] || asking_[index] == 0) {
      continue;
    }
    connections_[index] = std::make_shared<LiveConnection>(context_, options_.aggregator, options_.credentials);
    connections_[index]->connect();
    --figures_.waiting;
    ++opening;
    next_ = (index + 1) % count;
  }
  return opening;
}

void LiveLinks::drop(std::size_t index) {
  connections_[index]->close();
  connections_[index].reset();
}

// One connection that has something to tell or to be told.
void LiveLinks::advance(std::size_t index, std::uint64_t utc_ms, AckMeter::Time window_began, AckMeter::Time now) {
  LiveConnection& connection = *connections_[index];
  const emulator::HostLink& seen = std::as_const(fleet_).station(index).link();
  if (connection.state() == State::kConnecting) {
    if (!seen.wants_connection()) {
      drop(index);  // The station has given up meanwhile.
    }
    return;
  }
  if (connection.state() == State::kUp && connection.fresh) {
    greet(index, utc_ms);
    return;
  }
  if (!connection.has_news() && seen.is_up() && seen.outgoing().empty()) {
    return;  // Whoever is taken from the fleet has to run in the next window.
  }
  emulator::HostLink& link = fleet_.station(index).link();
  if (!connection.incoming.empty()) {
    mute_ends_.heard();
    connection.acks.on_received(connection.incoming, now, figures_.acks);
    link.deliver(connection.incoming);
    connection.incoming.clear();
    if (connection.state() == State::kClosed) {
      return;  // A hang-up throws away what was not read yet, and the last frame may say why.
    }
  }
  if (end(index)) {
    return;
  }
  const Bytes outgoing = link.outgoing();
  if (!outgoing.empty()) {
    figures_.events_sent += connection.acks.on_sent(outgoing, window_began);
    std::vector<std::byte> out;
    append_virtual_time(out, utc_ms, false);
    out.insert(out.end(), outgoing.begin(), outgoing.end());
    link.consume_outgoing(outgoing.size());
    connection.send(out);
  }
}

// Tells the station that it is connected, and the aggregator what time it is here.
void LiveLinks::greet(std::size_t index, std::uint64_t utc_ms) {
  LiveConnection& connection = *connections_[index];
  emulator::HostLink& link = fleet_.station(index).link();
  connection.fresh = false;
  if (!link.wants_connection()) {
    drop(index);
    return;
  }
  std::vector<std::byte> first;
  append_virtual_time(first, utc_ms, false);
  connection.send(first);
  link.connected();
  ++figures_.opened;
}

// True: one of the two sides has ended it.
bool LiveLinks::end(std::size_t index) {
  LiveConnection& connection = *connections_[index];
  emulator::HostLink& link = fleet_.station(index).link();
  if (connection.state() == State::kClosed) {
    tell(connection.trouble());
    if (!connection.fresh && connection.is_plaintext() && mute_ends_.ended()) {
      spdlog::warn(MuteEnds::kWords);
    }
    ++(connection.fresh ? figures_.refused : figures_.lost);
    asking_[index] = 0;  // If it asks within the next window already, that is a wish of its own.
    if (connection.fresh) {
      link.refused();
    } else {
      link.disconnected();
    }
  } else if (link.is_up()) {
    return false;
  }
  drop(index);
  return true;
}

}  // namespace cubby::tools
