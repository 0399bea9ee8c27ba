#include "tools/cubby/panel_command.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <thread>

#include "firmware/base/limits.h"
#include "tools/cubby/control_client.h"
#include "tools/cubby/panel_face.h"
#include "tools/support/command_line.h"
#include "tools/support/progress.h"
#include "tools/support/secret_file.h"

namespace cubby::tools {
namespace {

using cubby::v1::ControlRequest;
using cubby::v1::ControlResponse;

constexpr auto kLookEvery = std::chrono::milliseconds(200);

struct PanelArguments {
  std::string control = "127.0.0.1:7500";
  std::string token_file;
  std::string station;
  std::string keys;
  std::string scan;
  std::string courier;
  std::string sender;
  std::string technician;
  std::uint32_t shut = 0;
  std::uint32_t put = 0;
  std::uint32_t take = 0;
  bool watch = false;
  std::string duration = "10m";
};

int fail(int code, const std::string& message) {
  std::cerr << "cubby panel: " << message << '\n';
  return code;
}

ControlRequest request_of(const PanelArguments& arguments) {
  ControlRequest request;
  cubby::v1::PanelRequest& panel = *request.mutable_panel();
  panel.set_station(arguments.station);
  if (!arguments.keys.empty()) {
    panel.set_keys(arguments.keys);
  } else if (!arguments.scan.empty()) {
    panel.set_scan(arguments.scan);
  } else if (!arguments.courier.empty()) {
    panel.set_courier(arguments.courier);
  } else if (!arguments.sender.empty()) {
    panel.set_sender(arguments.sender);
  } else if (!arguments.technician.empty()) {
    panel.set_technician(arguments.technician);
  } else if (arguments.shut != 0) {
    panel.set_shut(arguments.shut);
  } else if (arguments.put != 0) {
    panel.set_put(arguments.put);
  } else if (arguments.take != 0) {
    panel.set_take(arguments.take);
  }
  return request;
}

// -1: `response` has the panel.
int ask(ControlClient& client, const PanelArguments& arguments, const ControlRequest& request,
        ControlResponse& response) {
  if (const std::string error = client.ask(request, response, 60); !error.empty()) {
    return fail(kExitFailure, error);
  }
  switch (response.status()) {
    case cubby::v1::CONTROL_STATUS_OK:
      return -1;
    case cubby::v1::CONTROL_STATUS_UNKNOWN_STATION:
      return fail(kExitUsage, "--station " + arguments.station + ": " + response.detail());
    case cubby::v1::CONTROL_STATUS_BAD_REQUEST:
      return fail(kExitUsage, response.detail());
    case cubby::v1::CONTROL_STATUS_UNAUTHORISED:
      return fail(kExitFailure,
                  "the emulator does not accept this token; is --token-file (or CUBBY_HOME) the emulator's?");
    default:
      return fail(kExitFailure, response.detail());
  }
}

// Looks again and again; on a terminal the panel stays where it is, else each change is printed below the last.
int watch(ControlClient& client, const PanelArguments& arguments, ControlResponse& response) {
  install_signal_handlers();
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(*parse_duration_ms(arguments.duration));
  ControlRequest look;
  look.mutable_panel()->set_station(arguments.station);
  std::string shown;
  while (true) {
    const std::string face = draw_panel(response.panel(), terminal);
    // The tone's age alone is no news, but on a terminal it may go on.
    if (const std::string now = terminal ? face : face_without_age(response.panel()); now != shown) {
      std::fputs(shown.empty() ? "" : terminal ? "\x1b[H" : "\n", stdout);
      std::fputs(shown.empty() && terminal ? "\x1b[2J\x1b[H" : "", stdout);
      std::fputs(terminal ? clear_line_ends(face).c_str() : face.c_str(), stdout);
      if (std::fflush(stdout) != 0) {
        return kExitFailure;
      }
      shown = now;
    }
    if (stop_requested() || std::chrono::steady_clock::now() >= end) {
      return kExitOk;
    }
    std::this_thread::sleep_for(kLookEvery);
    if (const int code = ask(client, arguments, look, response); code >= 0) {
      return stop_requested() ? kExitOk : code;
    }
  }
}

int run_panel(const PanelArguments& arguments) {
  const Secret token = client_secret(arguments.token_file, default_secret_path("control.token"));
  if (!token.error.empty()) {
    return fail(kExitUsage, "--token-file " + token.error);
  }
  ControlClient client;
  if (const std::string error = client.connect(*parse_endpoint(arguments.control), token.text); !error.empty()) {
    return fail(kExitFailure, error);
  }
  ControlResponse response;
  if (const int code = ask(client, arguments, request_of(arguments), response); code >= 0) {
    return code;
  }
  if (arguments.watch) {
    return watch(client, arguments, response);
  }
  std::fputs(draw_panel(response.panel(), isatty(STDOUT_FILENO) == 1).c_str(), stdout);
  return kExitOk;
}

CLI::Validator text_validator(std::size_t most, const char* type) {
  return CLI::Validator(
      [most](std::string& text) {
        return !text.empty() && text.size() <= most
                   ? std::string()
                   : "'" + text.substr(0, 100) + "' is not 1 to " + std::to_string(most) + " characters";
      },
      type);
}

/// At most one of them.
void add_moves(CLI::App& panel, PanelArguments& arguments) {
  const CLI::Validator door = integer_range(1, limits::kCompartmentsMax);
  const std::vector<CLI::Option*> moves{
      panel
          .add_option("--keys", arguments.keys,
                      "Press these: 0-9, # enter, * cancel, S M L X sizes, W low door, R recall, N refuse, G language")
          ->check(text_validator(32, "KEYS")),
      panel.add_option("--scan", arguments.scan, "Show the scanner a parcel's number, a QR code's text, ...")
          ->check(text_validator(limits::kPanelTextMax, "TEXT")),
      panel.add_option("--courier", arguments.courier, "Show the scanner a fresh pass of a courier of this brand")
          ->check(carrier_validator()),
      panel
          .add_option("--sender", arguments.sender,
                      "The same of a sender, whose parcel this brand's couriers take along")
          ->check(carrier_validator()),
      panel.add_option("--technician", arguments.technician, "The same of a technician, for this station")
          ->check(carrier_validator()),
      panel.add_option("--put", arguments.put, "Put the parcel that was scanned last in at this open door")
          ->check(door),
      panel.add_option("--take", arguments.take, "Take out what is behind this open door")->check(door),
      panel.add_option("--shut", arguments.shut, "Push this open door shut")->check(door)};
  for (CLI::Option* move : moves) {
    for (CLI::Option* other : moves) {
      if (other != move) {
        move->excludes(other);
      }
    }
  }
}

}  // namespace

void add_panel_command(CLI::App& app, int& exit_code) {
  CLI::App* panel = app.add_subcommand("panel", "Shows a station's front panel, and presses, scans and shuts by hand");
  const auto arguments = std::make_shared<PanelArguments>();
  panel->add_option("--station", arguments->station, "e.g. SX-TY-0007")->required()->check(station_validator());
  panel->add_option("--control", arguments->control, "Control port of the emulator")
      ->check(endpoint_validator())
      ->capture_default_str();
  panel->add_option("--token-file", arguments->token_file,
                    "File with its token; default: control.token in the state folder of cubby");
  add_moves(*panel, *arguments);
  CLI::Option* watch = panel->add_flag("--watch", arguments->watch, "Go on showing it until Ctrl-C");
  panel->add_option("--for", arguments->duration, "How long to watch at most, in real time")
      ->check(duration_validator())
      ->capture_default_str()
      ->needs(watch);
  panel->footer(
      "A station's people wait while somebody acts here: until the panel is back at IDLE, or for two minutes of the\n"
      "station's time after the last move. Play at cubby-emulator --speed 1; at 60 the panel loses its patience in a\n"
      "second and a half.\n"
      "Example, a deposit and its collection:\n"
      "  cubby panel --station SX-TY-0007 --courier sf\n"
      "  cubby panel --station SX-TY-0007 --scan RB473124829CN\n"
      "  cubby panel --station SX-TY-0007 --keys M\n"
      "  cubby panel --station SX-TY-0007 --put 12\n"
      "  cubby panel --station SX-TY-0007 --shut 12\n"
      "  cubby panel --station SX-TY-0007 --keys '*12345678#'\n"
      "  cubby panel --station SX-TY-0007 --take 12\n"
      "  cubby panel --station SX-TY-0007 --shut 12");
  panel->callback([arguments, &exit_code] { exit_code = run_panel(*arguments); });
}

}  // namespace cubby::tools
