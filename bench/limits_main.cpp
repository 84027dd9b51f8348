/// bench_limits: prints what this machine can do at best. See limits.hpp.
#include <filesystem>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

#include "bench/limits.hpp"

int main(int argument_count, char** arguments) {
  mainstay::bench::limit_options options;
  options.directory = std::filesystem::current_path().string();
  bool json = false;
  CLI::App app{"The limits of this machine: flushes and round trips.", "bench_limits"};
  app.add_option("--directory", options.directory, "on the disk to measure")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "of each measurement")->capture_default_str();
  app.add_flag("--json", json, "print JSON");
  CLI11_PARSE(app, argument_count, arguments);

  const auto limits = mainstay::bench::measure_limits(options);
  if (!limits) {
    std::cerr << "bench_limits: " << limits.error().message << '\n';
    return 1;
  }
  std::cout << (json ? to_json(*limits) + "\n" : to_text(*limits));
  return 0;
}
