/// The server's front alone, over a machine in this process: for measuring what RESP and sockets
/// cost without Raft. Usage: front_end_server HOST:PORT; ends with its standard input.
#include <cstdio>

#include "server/resp_server.hpp"
#include "tests/server/local_gateway.hpp"

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: front_end_server HOST:PORT\n", stderr);
    return 2;
  }
  mainstay::server::local_gateway cluster;
  mainstay::server::server_counters counters;
  mainstay::server::resp_server server(cluster, {}, counters, {});
  if (const auto started = server.start(arguments[1]); !started) {
    std::fprintf(stderr, "%s\n", started.error().message.c_str());
    return 1;
  }
  while (std::getchar() != EOF) continue;
  server.stop(std::chrono::seconds(1));
  return 0;
}
