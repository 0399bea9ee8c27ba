#include "tools/cubby/board_command.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <memory>

#include "tools/cubby/board_control.h"
#include "tools/cubby/board_options.h"
#include "tools/cubby/board_server.h"
#include "tools/support/command_line.h"
#include "tools/support/text.h"

namespace cubby::tools {
namespace {

constexpr std::size_t kRecordingMax = 64U << 20;
constexpr std::size_t kReadChunk = 64U << 10;
constexpr std::uint32_t kSupplyMaxAmps = 1'000;

struct BoardArguments {
  BoardWords one;
  std::vector<std::string> boards;
  std::string pty;
  std::string serial;
  std::string tcp;
  bool allow_remote = false;
  std::string control;
  std::string record;
  std::string replay;
  bool strict_baud = false;
  std::uint64_t seed = 1;
  std::uint32_t supply_amps = 0;
  std::string noise = "off";
  std::vector<std::string> orders;
};

int fail(int code, const std::string& message) {
  std::cerr << "cubby board: " << message << '\n';
  return code;
}

// -1: `chosen` has a profile for each board.
int choose(const BoardArguments& arguments, std::vector<emulator::BoardProfile>& chosen) {
  if (arguments.one.family.empty() == arguments.boards.empty()) {
    return fail(kExitUsage,
                "name one board with --family, or each with --board p1:1:24; families are " + family_names());
  }
  if (!arguments.one.family.empty()) {
    const BoardChoice choice = choose_board(arguments.one);
    if (!choice.error.empty()) {
      return fail(kExitUsage, choice.option + ": " + choice.error);
    }
    chosen.push_back(choice.profile);
  }
  for (const std::string& text : arguments.boards) {
    const BoardChoice choice = parse_board(text);
    if (!choice.error.empty()) {
      return fail(kExitUsage, "--board " + text + ": " + choice.error);
    }
    chosen.push_back(choice.profile);
  }
  return -1;
}

// -1: all was done.
int give_first_orders(const std::vector<std::string>& orders, emulator::Cabinet& cabinet) {
  for (const std::string& order : orders) {
    const PromptAnswer answer = obey_prompt(cabinet, order, Instant{});
    if (!answer.good) {
      return fail(kExitUsage, "--order '" + order + "': " + answer.text);
    }
    if (answer.quit || answer.unplug_ms != 0) {
      return fail(kExitUsage, "--order '" + order + "': that is for a board that is served already");
    }
  }
  return -1;
}

// -1: `boards` is complete.
int build_cabinet(const BoardArguments& arguments, BoardsBehind& boards, std::vector<std::string>& words) {
  std::vector<emulator::BoardProfile> profiles;
  if (const int code = choose(arguments, profiles); code >= 0) {
    return code;
  }
  emulator::CabinetOptions options;
  options.seed = arguments.seed;
  options.supply_ma = arguments.supply_amps * 1'000;
  if (const std::string problem = apply_noise(options.noise, arguments.noise); !problem.empty()) {
    return fail(kExitUsage, "--noise: " + problem);
  }
  options.host_is_paced = !arguments.serial.empty();
  options.line_baud = arguments.strict_baud ? profiles.front().baud : 0;
  boards.cabinet = std::make_unique<emulator::Cabinet>(options);
  for (const emulator::BoardProfile& profile : profiles) {
    const std::string name = std::string(to_string(profile.family));
    if (const std::string problem = boards.cabinet->add_board(profile); !problem.empty()) {
      return fail(kExitUsage, "--board " + name + ": " + problem);
    }
    for (const emulator::BoardProfile& other : profiles) {
      if (&other < &profile && other.family == profile.family && other.address == profile.address) {
        std::cerr << "cubby board: two boards " << name << " have the address " << int{profile.address}
                  << " and will spoil each other's replies\n";
      }
    }
    words.push_back(name + " " + settings_of(profile));
    if (std::find(boards.families.begin(), boards.families.end(), profile.family) == boards.families.end()) {
      boards.families.push_back(profile.family);
    }
  }
  return give_first_orders(arguments.orders, *boards.cabinet);
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

// Empty: `text` has all of it. Reads no more than is allowed, whatever the path is.
std::string read_file(const std::string& path, std::string& text) {
  const File file(std::fopen(path.c_str(), "rbe"));
  if (file == nullptr) {
    return std::strerror(errno);
  }
  std::vector<char> chunk(kReadChunk);
  std::size_t size = 0;
  while (text.size() <= kRecordingMax && (size = std::fread(chunk.data(), 1, chunk.size(), file.get())) > 0) {
    text.append(chunk.data(), size);
  }
  if (std::ferror(file.get()) != 0) {
    return std::strerror(errno);
  }
  return text.size() > kRecordingMax ? "more than 64 MiB" : "";
}

// -1: `boards` has the recording.
int load_replay(const BoardArguments& arguments, BoardsBehind& boards) {
  if (!arguments.one.family.empty() || !arguments.boards.empty()) {
    return fail(kExitUsage, "--replay answers from its file: no --family and no --board beside it");
  }
  if (!arguments.orders.empty()) {
    return fail(kExitUsage, "--replay has neither doors nor boards: no --order beside it");
  }
  std::string text;
  if (const std::string problem = read_file(arguments.replay, text); !problem.empty()) {
    return fail(kExitUsage, "--replay " + arguments.replay + ": " + problem);
  }
  Recording recording = parse_recording(text);
  if (!recording.error.empty()) {
    return fail(kExitUsage, "--replay " + arguments.replay + ", " + recording.error);
  }
  boards.families.assign(kBoardFamilies.begin(), kBoardFamilies.end());
  boards.replay = std::make_unique<Replay>(std::move(recording));
  return -1;
}

// -1: `file` is open, or is not wanted.
int open_record(const BoardArguments& arguments, const BoardsBehind& boards, const std::vector<std::string>& words,
                File& file) {
  if (arguments.record.empty()) {
    return -1;
  }
  file.reset(std::fopen(arguments.record.c_str(), "wx"));
  if (file == nullptr) {
    return fail(kExitUsage, "--record " + arguments.record + ": " + std::strerror(errno));
  }
  const std::string head = recording_head(boards.cabinet->board(0).baud(), words);
  if (std::fputs(head.c_str(), file.get()) < 0 || std::fflush(file.get()) != 0) {
    return fail(kExitFailure, "--record " + arguments.record + ": " + std::strerror(errno));
  }
  return -1;
}

OpenedLine open_line(const BoardArguments& arguments, const std::string& control_path, std::uint32_t baud) {
  OpenedLine opened;
  if (!arguments.pty.empty()) {
    opened = open_pty_line({arguments.pty, control_path, baud});
    opened.error = opened.error.empty() ? "" : "--pty " + opened.error;
  } else if (!arguments.serial.empty()) {
    opened = open_serial_line(arguments.serial, baud);
    opened.error = opened.error.empty() ? "" : "--serial " + opened.error;
  } else {
    const Endpoint endpoint = *parse_endpoint(arguments.tcp);
    opened = open_tcp_line(endpoint.host, endpoint.port);
    opened.error = opened.error.empty() ? "" : "--tcp " + opened.error;
  }
  return opened;
}

int run_board(const BoardArguments& arguments) {
  const int lines =
      (arguments.pty.empty() ? 0 : 1) + (arguments.serial.empty() ? 0 : 1) + (arguments.tcp.empty() ? 0 : 1);
  if (lines != 1) {
    return fail(kExitUsage, "say where to serve with one of --pty PATH, --serial DEVICE and --tcp HOST:PORT");
  }
  if (!arguments.tcp.empty() && !is_loopback(parse_endpoint(arguments.tcp)->host) && !arguments.allow_remote) {
    return fail(kExitUsage, "--tcp " + arguments.tcp +
                                " is open to others, and a lock board asks for no password; "
                                "with --allow-remote it is served all the same");
  }
  if (arguments.strict_baud && arguments.pty.empty()) {
    return fail(kExitUsage, "--strict-baud is for --pty: only there can the client's speed be seen");
  }
  if (!arguments.record.empty() && !arguments.replay.empty()) {
    return fail(kExitUsage, "--record and --replay exclude each other");
  }
  BoardsBehind boards;
  std::vector<std::string> words;
  int code = arguments.replay.empty() ? build_cabinet(arguments, boards, words) : load_replay(arguments, boards);
  if (code >= 0) {
    return code;
  }
  const std::string control_path = !arguments.control.empty() ? arguments.control
                                   : arguments.pty.empty()    ? std::string()
                                                              : arguments.pty + ".ctl";
  const ControlAnswer other = control_path.empty() ? ControlAnswer() : give_order(control_path, "boards");
  if (other.reached) {
    return fail(kExitUsage, "--ctl " + control_path + " is served by another cubby board");
  }
  const std::uint32_t baud = boards.cabinet != nullptr ? boards.cabinet->board(0).baud() : boards.replay->baud();
  OpenedLine opened = open_line(arguments, control_path, baud);
  if (opened.line == nullptr) {
    const bool usage = arguments.tcp.empty();
    return fail(usage ? kExitUsage : kExitFailure, opened.error);
  }
  BoardControl control;
  if (!control_path.empty()) {
    if (const std::string problem = control.listen_at(control_path); !problem.empty()) {
      return fail(kExitUsage, "--ctl " + problem);
    }
  }
  File record;  // Only once everything else is there: a start that fails leaves no file.
  if (code = open_record(arguments, boards, words, record); code >= 0) {
    return code;
  }
  const ServeOptions options{record.get(), arguments.strict_baud};
  return serve_boards(std::move(boards), *opened.line, control, options);
}

struct ControlArguments {
  std::string to;
  std::vector<std::string> order;
};

int run_control(const ControlArguments& arguments) {
  std::string order;
  for (const std::string& word : arguments.order) {
    order += (order.empty() ? "" : " ") + word;
  }
  if (order.find('\n') != std::string::npos || order.size() > 200) {
    std::cerr << "cubby board-ctl: an order is one line of at most 200 characters\n";
    return kExitUsage;
  }
  const ControlAnswer answer = give_order(arguments.to, order);
  if (!answer.reached || !answer.good) {
    std::cerr << "cubby board-ctl: " << (answer.reached ? "" : "--to ") << answer.text << '\n';
    return answer.reached ? kExitUsage : kExitFailure;
  }
  if (!answer.text.empty()) {
    std::cout << answer.text << '\n';
  }
  return kExitOk;
}

void add_control(CLI::App& app, int& exit_code) {
  CLI::App* control = app.add_subcommand("board-ctl", "Moves the doors of a running cubby board, or disturbs its line");
  const auto arguments = std::make_shared<ControlArguments>();
  control->add_option("--to", arguments->to, "Its socket: PTY.ctl, or what its --ctl says")->required();
  control->add_option("order", arguments->order, "What to do, e.g. shut 3")->required();
  control->footer("Orders:\n" + prompt_help() + "\nExample:\n  cubby board-ctl --to ./lock0.ctl shut 3");
  control->callback([arguments, &exit_code] { exit_code = run_control(*arguments); });
}

}  // namespace

void add_board_commands(CLI::App& app, int& exit_code) {
  CLI::App* board = app.add_subcommand("board", "Serves emulated lock boards and their doors on a real port");
  const auto arguments = std::make_shared<BoardArguments>();
  board->add_option("--family", arguments->one.family, "Of one board: " + family_names());
  board->add_option("--address", arguments->one.address, "Its address; default: the family's first")->needs("--family");
  board->add_option("--channels", arguments->one.channels, "How many locks it has")->needs("--family");
  board->add_option("--set", arguments->one.settings, "name=value: how it differs from its sisters; may be repeated")
      ->allow_extra_args(false)
      ->needs("--family");
  board
      ->add_option("--board", arguments->boards,
                   "FAMILY:ADDRESS:CHANNELS,name=value,...: one board of several on the same line; may be repeated")
      ->allow_extra_args(false);
  board->add_option("--pty", arguments->pty, "Make a pseudo-terminal and a link to it at this path");
  board->add_option("--serial", arguments->serial, "Use this serial port");
  board->add_option("--tcp", arguments->tcp, "Listen there, as an Ethernet converter does")->check(listen_validator());
  board->add_flag("--allow-remote", arguments->allow_remote, "--tcp may listen beyond this machine's loopback");
  board->add_option("--ctl", arguments->control, "Socket for cubby board-ctl; default: the --pty's path and .ctl");
  CLI::Option* record = board->add_option("--record", arguments->record, "Write the traffic to this new file");
  board->add_option("--replay", arguments->replay, "Answer from this recording and say where the host differs")
      ->excludes(record);
  board->add_flag("--strict-baud", arguments->strict_baud, "--pty: a client that sets another speed is not understood");
  board->add_option("--seed", arguments->seed, "Of latches, latencies and noise")
      ->check(integer_range(0, UINT64_MAX))
      ->capture_default_str();
  board
      ->add_option("--supply-amps", arguments->supply_amps,
                   "Coils that draw more (4 A each for 10 ms, then 2.5 A) restart every board; 0: no limit")
      ->check(integer_range(0, kSupplyMaxAmps))
      ->capture_default_str();
  board
      ->add_option("--noise", arguments->noise,
                   "kind=rate,...: flip, burst, drop, double in a million bytes, glue in a million talks; off; "
                   "or a number, the rate of flips")
      ->capture_default_str();
  board
      ->add_option("--order", arguments->orders,
                   "What the prompt takes, done before anybody is served; may be repeated")
      ->allow_extra_args(false);
  board->footer("At its prompt (standard input) and with cubby board-ctl:\n" + prompt_help() +
                "\nExamples:\n"
                "  cubby board --family p1 --channels 24 --address 1 --pty ./lock0 --set status_order=first\n"
                "  cubby board --board p1:1:24 --board p5:2:8 --pty ./lock0 --record traffic.txt\n"
                "  cubby board --family p2 --tcp 127.0.0.1:4001 --noise flip=1000,drop=500\n"
                "  cubby board --family p1 --pty ./lock0 --order 'temperature -15' --order 'lock 3 driven'\n"
                "  cubby board --replay traffic.txt --pty ./lock0\n"
                "Settings of each family: docs/spec/boards.md");
  board->callback([arguments, &exit_code] { exit_code = run_board(*arguments); });
  add_control(app, exit_code);
}

}  // namespace cubby::tools
