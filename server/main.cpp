/// mainstayd: one node of a replicated, durable key-value cluster. This file only puts the parts
/// together; exit statuses are 0 (clean stop), 1 (start or disk failed), 2 (wrong settings).
#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>

#include <pthread.h>
#include <unistd.h>

#include "mainstay/logging/limited/limited_logger.hpp"

#include "server/admin_pages.hpp"
#include "server/config.hpp"
#include "server/http_admin.hpp"
#include "server/joining.hpp"
#include "server/loggers.hpp"
#include "server/node_gateway.hpp"
#include "server/resp_server.hpp"
#include "server/settings.hpp"

namespace mainstay::server {
namespace {

constexpr int status_failed = 1;
constexpr int status_wrong_settings = 2;
/// How long a leader that is told to stop may take to hand over; clients are served meanwhile.
constexpr auto patience_with_transfer = std::chrono::seconds(2);

int complain(const error& why, int status) {
  std::fprintf(stderr, "mainstayd: %s\n", why.message.c_str());
  return status;
}

/// SIGTERM and SIGINT are waited for, in `main`'s thread alone: blocked before any thread starts.
sigset_t block_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

int serve(const server_config& config, limited_logger<any_diagnostic_logger>& log) {
  const sigset_t signals = block_signals();
  const logger_ref logger(log);
  std::atomic<bool> disk_failed = false;
  auto node = node_gateway::open(config, logger, [&](const error&) {
    disk_failed = true;  // the node has logged why
    ::kill(::getpid(), SIGTERM);
  });
  if (!node) return complain(node.error(), status_failed);

  server_counters counters;
  resp_server clients(**node, config.limits, counters, logger);
  if (auto ok = clients.start(config.resp); !ok) return complain(ok.error(), status_failed);
  figure_publisher figures((*node)->metrics());
  const auto metrics_text = [&] {
    figures.publish((*node)->status());
    figures.publish(counters);
    return (*node)->metrics().text();
  };
  http_admin admin(**node, metrics_text, logger);
  if (auto ok = admin.start(config.http); !ok) return complain(ok.error(), status_failed);
  logger.log(log_level::info, "server", "serving",
             {{"resp", std::string_view(config.resp)}, {"http", std::string_view(config.http)}});

  int received = 0;
  sigwait(&signals, &received);
  logger.log(log_level::info, "server", "stopping", {{"signal", std::int64_t{received}}});
  if (!disk_failed) (*node)->make_way(patience_with_transfer);
  admin.stop();
  clients.stop(std::chrono::seconds(2));
  (*node)->stop();
  return disk_failed ? status_failed : 0;
}

int run(int count, char** arguments) {
  const auto line = read_command_line(count, arguments);
  if (!line) return complain(line.error(), status_wrong_settings);
  if (!line->help.empty()) {
    std::fputs(line->help.c_str(), stdout);
    return 0;
  }
  const auto config = make_config(line->given);
  if (!config) return complain(config.error(), status_wrong_settings);
  if (line->check_only) {
    std::puts("the settings are sound");
    return 0;
  }
  auto logger = logger_named(config->logger, config->format, config->levels);
  limited_logger log(logger);
  const auto whole = find_cluster(*config, logger_ref(log));
  if (!whole) return complain(whole.error(), status_failed);
  return serve(*whole, log);
}

}  // namespace
}  // namespace mainstay::server

int main(int count, char** arguments) {
  try {
    return mainstay::server::run(count, arguments);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "mainstayd: %s\n", failure.what());
    return 1;
  }
}
