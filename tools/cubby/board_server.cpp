#include "tools/cubby/board_server.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <iostream>

#include "tools/cubby/board_output.h"
#include "tools/cubby/board_prompt.h"
#include "tools/support/command_line.h"
#include "tools/support/progress.h"

namespace cubby::tools {
namespace {

/// A signal may come between the question and the waiting; so long it is then not noticed.
constexpr Duration kWaitMax = Duration::milliseconds(200);
/// The host waits when it is so far ahead of the line.
constexpr std::size_t kBacklogMax = 1024;
constexpr std::size_t kPromptMax = 4096;

/// What is typed at a terminal is for the program in its foreground.
bool prompt_is_ours() {
  const pid_t foreground = tcgetpgrp(STDIN_FILENO);
  return foreground < 0 || foreground == getpgrp();
}

class Server {
 public:
  Server(BoardsBehind boards, BoardLine& line, BoardControl& control, const ServeOptions& options)
      : boards_(std::move(boards)), line_(line), control_(control), options_(options), log_(boards_.families) {}

  int run();

 private:
  Instant now() const {
    const auto since = std::chrono::steady_clock::now() - begin_;
    return Instant{std::chrono::duration_cast<std::chrono::microseconds>(since).count()};
  }
  bool wants_bytes() const {
    return (boards_.cabinet != nullptr ? boards_.cabinet->host_backlog() : boards_.replay->host_backlog(now())) <
           kBacklogMax;
  }
  void exchange_bytes();
  void to_host();
  void tell();
  void tell_restarts();
  void follow_baud();
  void print(const std::string& text, bool comment);
  void wait();
  void read_prompt();
  PromptAnswer obey(std::string_view order);

  BoardsBehind boards_;
  BoardLine& line_;
  BoardControl& control_;
  ServeOptions options_;
  TrafficLog log_;
  BoardOutput output_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::vector<std::uint64_t> reboots_;  // Of each board, that were told.
  std::uint32_t baud_ = 0;
  std::uint32_t warned_baud_ = 0;
  bool prompt_open_ = true;
  std::string prompt_;
  bool quit_ = false;
  bool broken_ = false;
};

void Server::print(const std::string& text, bool comment) {
  const std::string line = text + "\n";
  broken_ = !output_.show(line) || broken_;
  if (options_.record != nullptr) {
    const std::string recorded = (comment ? "# " : "") + line;
    broken_ = broken_ || std::fputs(recorded.c_str(), options_.record) < 0 || std::fflush(options_.record) != 0;
  }
}

void Server::to_host() {
  const std::vector<std::byte> bytes =
      boards_.cabinet != nullptr ? boards_.cabinet->host_hears(now()) : boards_.replay->host_hears(now());
  if (!bytes.empty()) {
    line_.write(bytes);
  }
}

void Server::exchange_bytes() {
  to_host();
  const std::vector<std::byte> bytes = line_.read(wants_bytes());
  follow_baud();
  if (bytes.empty()) {
    if (boards_.cabinet != nullptr ? boards_.cabinet->quiet() : boards_.replay->quiet()) {
      line_.all_said();
    }
    return;
  }
  if (boards_.cabinet != nullptr) {
    boards_.cabinet->host_sends(bytes, now());
  } else {
    boards_.replay->host_sends(bytes, now());
  }
}

// The line follows the boards: a real port's speed, or what the host's software has set.
void Server::follow_baud() {
  if (boards_.cabinet == nullptr) {
    return;
  }
  const std::uint32_t client = line_.client_baud();
  if (options_.strict_baud && client != 0) {
    boards_.cabinet->set_line_baud(client);
  }
  const std::uint32_t baud = boards_.cabinet->board(0).baud();
  if (baud != baud_) {
    baud_ = baud;
    line_.set_baud(baud);
  }
  if (client != 0 && client != baud && client != warned_baud_) {
    print("the client has set " + std::to_string(client) + " baud, the board talks at " + std::to_string(baud) +
              (options_.strict_baud ? ": they do not understand each other" : "; served all the same (--strict-baud)"),
          true);
  }
  warned_baud_ = client;
}

void Server::tell() {
  const auto bursts = boards_.cabinet != nullptr ? boards_.cabinet->take_bursts() : boards_.replay->take_bursts();
  for (const emulator::Burst& burst : bursts) {
    log_.add(burst);
  }
  for (const std::string& text : log_.take_lines(now())) {
    print(text, false);
  }
  if (boards_.cabinet != nullptr) {
    for (const emulator::DoorNews& news : boards_.cabinet->doors().take_news()) {
      print(describe_news(news), true);
    }
    tell_restarts();
  } else {
    for (const std::string& note : boards_.replay->take_notes()) {
      print(note, true);
    }
  }
  for (const std::string& note : line_.take_notes()) {
    print(note, true);
  }
}

void Server::tell_restarts() {
  for (std::size_t i = boards_.cabinet->take_brown_outs().size(); i > 0; --i) {
    print("the supply breaks down, every board starts again", true);
  }
  reboots_.resize(boards_.cabinet->board_count());
  for (std::size_t i = 0; i < reboots_.size(); ++i) {
    for (; reboots_[i] < boards_.cabinet->line().reboots_of(i); ++reboots_[i]) {
      print("board " + std::to_string(i + 1) + " starts again", true);
    }
  }
}

PromptAnswer Server::obey(std::string_view order) {
  PromptAnswer answer;
  if (boards_.cabinet == nullptr) {
    answer = obey_replay_prompt(order);
  } else {
    const Instant at = now();
    boards_.cabinet->advance(at);
    answer = obey_prompt(*boards_.cabinet, order, at);
  }
  if (answer.unplug_ms != 0) {
    if (std::string problem = line_.unplug(std::chrono::milliseconds(answer.unplug_ms)); !problem.empty()) {
      return {std::move(problem), false, false};
    }
  }
  quit_ = quit_ || answer.quit;
  return answer;
}

void Server::read_prompt() {
  std::array<char, 256> chunk;
  const ssize_t size = ::read(STDIN_FILENO, chunk.data(), chunk.size());
  if (size <= 0) {
    // EIO: the program was put into the background after it had looked.
    prompt_open_ = size < 0 && (errno == EINTR || (errno == EIO && isatty(STDIN_FILENO) == 1));
    return;
  }
  prompt_.append(chunk.data(), static_cast<std::size_t>(size));
  for (std::size_t end = 0; (end = prompt_.find('\n')) != std::string::npos && !quit_;) {
    const PromptAnswer answer = obey(std::string_view(prompt_).substr(0, end));
    prompt_.erase(0, end + 1);
    if (!answer.good) {
      std::cerr << "cubby board: " << answer.text << '\n';
    } else if (!answer.text.empty()) {
      broken_ = !output_.show(answer.text + "\n") || broken_;
    }
  }
  if (prompt_.size() > kPromptMax) {
    prompt_.clear();
  }
}

void Server::wait() {
  std::vector<pollfd> waits;
  line_.add_waits(waits, wants_bytes());
  control_.add_waits(waits);
  const bool listens = prompt_open_ && prompt_is_ours();
  if (listens) {
    waits.push_back({STDIN_FILENO, POLLIN, 0});
  }
  const Instant next = boards_.cabinet != nullptr ? boards_.cabinet->next_call() : boards_.replay->next_call();
  const Instant at = now();
  const Instant until = std::min({next, log_.next_line(), at + kWaitMax});
  const std::int64_t left_us = std::max<std::int64_t>(0, (until - at).us);
  const timespec timeout{left_us / 1'000'000, left_us % 1'000'000 * 1'000};
  ppoll(waits.data(), waits.size(), &timeout, nullptr);
  if (listens && waits.back().revents != 0) {
    read_prompt();
  }
}

int Server::run() {
  begin_ = std::chrono::steady_clock::now();
  print("serving at " + line_.describe(), true);
  while (!quit_ && !stop_requested() && !broken_ && line_.lost().empty()) {
    exchange_bytes();
    control_.serve([this](std::string_view order) { return obey(order); });
    tell();
    wait();
  }
  tell();
  if (broken_) {
    std::cerr << "cubby board: cannot write what happens; is the disk full, or the reader gone?\n";
    return kExitFailure;
  }
  if (!line_.lost().empty()) {
    std::cerr << "cubby board: " << line_.lost() << '\n';
    return kExitFailure;
  }
  return boards_.replay != nullptr && boards_.replay->differences() != 0 ? kExitFailure : kExitOk;
}

}  // namespace

int serve_boards(BoardsBehind boards, BoardLine& line, BoardControl& control, const ServeOptions& options) {
  install_signal_handlers();
  // In the background of a terminal it goes on, whatever the terminal's settings.
  std::signal(SIGTTIN, SIG_IGN);
  std::signal(SIGTTOU, SIG_IGN);
  return Server(std::move(boards), line, control, options).run();
}

}  // namespace cubby::tools
