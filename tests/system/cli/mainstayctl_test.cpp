/// The program as scripts use it: a real process against servers that refuse, keep silent, break
/// off and answer, and its exit status in each case.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include "cli/exit_code.hpp"
#include "tests/system/cli/fake_server.hpp"

namespace mainstay::cli {
namespace {

/// What a run printed on its standard output, and its exit status.
struct finished {
  std::string out;
  exit_code code;
};

finished run(const std::string& arguments) {
  const std::string command = std::string(MAINSTAYCTL) + " " + arguments + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  std::string out;
  std::array<char, 4096> buffer;
  while (const auto count = fread(buffer.data(), 1, buffer.size(), pipe)) {
    out.append(buffer.data(), count);
  }
  return {out, static_cast<exit_code>(WEXITSTATUS(pclose(pipe)))};
}

nlohmann::json run_bench(const fake_server& server, const std::string& arguments) {
  const auto done = run("-e " + server.address() + " --json bench --warmup 0 " + arguments);
  return nlohmann::json::parse(done.out);
}

std::string ok(const std::vector<std::string>&) { return "+OK\r\n"; }
std::string refused(const std::vector<std::string>&) { return "-UNAVAILABLE no leader\r\n"; }
std::string silence(const std::vector<std::string>&) { return ""; }

TEST(Mainstayctl, RefusedWriteIsDoneByTheNextEndpoint) {
  const fake_server first(fake_server::answering(refused));
  const fake_server second(fake_server::answering(ok));

  const auto done = run("-e " + first.address() + "," + second.address() + " put key value");

  EXPECT_EQ(done.code, exit_code::done) << done.out;
  EXPECT_EQ(first.received(), 1U);
  EXPECT_EQ(second.received(), 1U);
}

TEST(Mainstayctl, WriteThatEveryoneRefusesIsUnavailable) {
  const fake_server server(fake_server::answering(refused));

  EXPECT_EQ(run("-e " + server.address() + " put key value").code, exit_code::unavailable);
}

TEST(Mainstayctl, SilenceAfterAWriteIsUnknownAndNobodyElseIsAsked) {
  const fake_server silent(fake_server::answering(silence));
  const fake_server second(fake_server::answering(ok));

  const auto done =
      run("-e " + silent.address() + "," + second.address() + " --timeout 100 put key value");

  EXPECT_EQ(done.code, exit_code::unknown) << done.out;
  EXPECT_EQ(second.received(), 0U);
}

TEST(Mainstayctl, ConnectionThatBreaksDuringAWriteIsUnknown) {
  const fake_server breaking([](std::map<int, fake_server::client>& clients) {
    for (auto& [number, c] : clients) c.close = !c.unanswered.empty();
    return std::map<int, std::string>();
  });

  EXPECT_EQ(run("-e " + breaking.address() + " delete key").code, exit_code::unknown);
}

TEST(Mainstayctl, ClosedPortIsUnavailable) {
  std::string address;
  {
    address = fake_server(fake_server::answering(ok)).address();
  }

  EXPECT_EQ(run("-e " + address + " put key value").code, exit_code::unavailable);
  EXPECT_EQ(run("-e " + address + " bench").code, exit_code::unavailable);
  EXPECT_EQ(run("-a " + address + " status").code, exit_code::unavailable);
}

TEST(Mainstayctl, WrongCommandLinesAreUsage) {
  for (const auto* arguments : {"", "put key", "frobnicate", "-e nohost put key value",
                                "put key value --if-absent --if-present", "bench --ops fly",
                                "bench --outstanding 3 --connections 4"}) {
    EXPECT_EQ(run(arguments).code, exit_code::usage) << arguments;
  }
}

TEST(Mainstayctl, HelpTellsTheExitStatus) {
  const auto done = run("--help");

  EXPECT_EQ(done.code, exit_code::done);
  EXPECT_NE(done.out.find(exit_code_help), std::string::npos);
}

// The server answers only when 50 commands are waiting, so a run with fewer outstanding would come
// to a halt, and it notices when there are more.
TEST(LoadGenerator, HoldsExactlyTheWantedNumberOutstanding) {
  std::atomic<std::size_t> most{0};
  const fake_server server([&most](std::map<int, fake_server::client>& clients) {
    std::map<int, std::string> replies;
    std::size_t waiting = 0;
    for (const auto& [number, c] : clients) waiting += c.unanswered.size();
    most = std::max(most.load(), waiting);
    if (waiting < 50) return replies;
    for (auto& [number, c] : clients) {
      for (std::size_t i = 0; i < c.unanswered.size(); ++i) replies[number] += "+OK\r\n";
      c.unanswered.clear();
    }
    return replies;
  });

  const auto report = run_bench(server, "--outstanding 50 --connections 7 --requests 5000");

  EXPECT_EQ(report["succeeded"], 5000);
  EXPECT_EQ(report["failed"], 0);
  EXPECT_EQ(most, 50U);
}

TEST(LoadGenerator, SendsNoMoreThanTheRequestsAskedFor) {
  const fake_server server(fake_server::answering(ok));

  const auto report = run_bench(server, "--outstanding 64 --connections 3 --requests 1000");

  EXPECT_EQ(report["succeeded"], 1000);
  EXPECT_EQ(server.received(), 1000U);
}

TEST(LoadGenerator, ErrorsAreCountedByKindAndDegrade) {
  std::uint64_t number = 0;
  const fake_server server(fake_server::answering([&number](const auto&) -> std::string {
    ++number;
    if (number % 10 == 0) return "-UNKNOWN leadership lost\r\n";
    return number % 4 == 0 ? "-UNAVAILABLE no leader\r\n" : "+OK\r\n";
  }));

  const auto done = run("-e " + server.address() +
                        " --json bench --warmup 0 --outstanding 8 --connections 1 --requests 1000");
  const auto report = nlohmann::json::parse(done.out);

  EXPECT_EQ(done.code, exit_code::degraded);
  EXPECT_EQ(report["errors"]["UNKNOWN"], 100);
  EXPECT_EQ(report["errors"]["UNAVAILABLE"], 200);
  EXPECT_EQ(report["succeeded"], 700);
}

TEST(LoadGenerator, BrokenConnectionIsOpenedAgainAndItsCommandsAreLost) {
  bool broke = false;
  const fake_server server([&broke](std::map<int, fake_server::client>& clients) {
    std::map<int, std::string> replies;
    for (auto& [number, c] : clients) {
      c.close = !broke && c.unanswered.size() == 10;
      broke = broke || c.close;
      if (c.close) continue;
      for (std::size_t i = 0; i < c.unanswered.size(); ++i) replies[number] += "+OK\r\n";
      if (broke) c.unanswered.clear();
      if (!broke) replies.erase(number);
    }
    return replies;
  });

  const auto report = run_bench(server, "--outstanding 10 --connections 1 --requests 100");

  EXPECT_EQ(report["lost"], 10);
  EXPECT_EQ(report["succeeded"], 90);
}

TEST(LoadGenerator, ServerThatFallsSilentEndsTheRun) {
  const fake_server server(fake_server::answering(silence));

  const auto done =
      run("-e " + server.address() + " --timeout 200 --json bench --warmup 0 --requests 10");
  const auto report = nlohmann::json::parse(done.out);

  EXPECT_EQ(done.code, exit_code::unavailable);
  EXPECT_EQ(report["stalled"], true);
  EXPECT_EQ(report["unanswered"], 10);
}

TEST(LoadGenerator, FillWritesEveryKeyOnce) {
  std::map<std::string, int> writes;
  {
    const fake_server server(fake_server::answering([&writes](const auto& command) -> std::string {
      if (command[0] == "SET") ++writes[command[1]];
      return command[0] == "SET" ? "+OK\r\n" : "$1\r\nv\r\n";
    }));
    run_bench(server, "--fill --keys 20000 --ops get --requests 10 --connections 1");
  }

  // The server's thread has ended, and left the map to this one.
  EXPECT_EQ(writes.size(), 20000U);
  for (const auto& [key, count] : writes) ASSERT_EQ(count, 1) << key;
}

}  // namespace
}  // namespace mainstay::cli
