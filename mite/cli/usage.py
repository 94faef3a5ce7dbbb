"""The command line: what docopt parses and ``mite --help`` prints."""

USAGE = """\
mite: load tests written as async Python functions.

Usage:
    mite [options] journey run [--add-to-config=KEY:VALUE]... JOURNEY_SPEC [DATAPOOL_SPEC]
    mite [options] journey test [--add-to-config=KEY:VALUE]... JOURNEY_SPEC [DATAPOOL_SPEC]
    mite [options] scenario test [--add-to-config=KEY:VALUE]... SCENARIO_SPEC
    mite demo-target [--host=HOST] [--port=PORT] [--tls-port=PORT] [--cert-dir=DIRECTORY]
                     [--ready-file=FILE]
    mite --help
    mite --version

Commands:
    journey run      Run one journey once: the quickest way to see that it works
    journey test     Run one journey over and over, --volume of them at once, until Ctrl-C
    scenario test    Run a scenario: several journeys, each with its data and its volume over time
    demo-target      Serve a small shop on this machine, to try journeys on

Arguments:
    JOURNEY_SPEC     package.module:function, an async function that takes a context
    DATAPOOL_SPEC    package.module:name of a datapool; its items are the journey's arguments
    SCENARIO_SPEC    package.module:function returning (journey spec, datapool, volume model) rows

Examples:
    # a small shop to try things on, in another terminal
    mite demo-target

    # one visit to it, with a user from a datapool
    mite journey run journeys.shop:visit journeys.shop:users

    # ten visitors at once, elsewhere
    MITE_CONF_base_url=http://127.0.0.1:8081 mite journey test --volume=10 \\
        journeys.shop:visit journeys.shop:users

    # ten seconds of two journeys side by side
    mite scenario test scenarios.demo:scenario

Exit status:
    0 all well; 1 a threshold was exceeded (one error is too many, see --max-errors-threshold);
    104 something asked for is wrong, and a sentence says what; 105 interrupted;
    111 the verdict is not VALID, with --strict only: without it the verdict changes no status

Options of a run:
    --add-to-config=KEY:VALUE          Set a configuration key that journeys read by ctx.config
    --config=CONFIG_SPEC               Function that returns the configuration as a dict
                                       [default: mite.config:default_config_loader]
    --volume=VOLUME                    Journeys at once, for "journey test" [default: 1]
    --spawn-rate=NUM_PER_SECOND        How fast concurrency may grow [default: 1000]
    --runner-max-journeys=NUMBER       Most journeys at once, whatever the volume models say
    --delay-start-seconds=DELAY        Wait before the first journey [default: 0]
    --max-loop-delay=SECONDS           How often the volume models are asked [default: 1]
    --min-loop-delay=SECONDS           Accepted for upstream's sake; has no effect [default: 0]
    --exclude-working-directory        Do not look for modules in the working directory
    --debugging                        Stop in the debugger at the first error of a journey, then
                                       exit (PYTHONPOSTMORTEM=module.function names another one)
    --logging-webhook=URL              Web service that is told of start and end (MITE_LOGGING_URL
                                       names one as well)
    --memory-tracing                   Print each minute, and at the end, which lines of code hold
                                       more memory than before; slows all allocations

Options of what becomes of its messages:
    --message-processors=SPECS         Classes, package.module:Class separated by commas, that see
                                       every message: made with the options, then called with
                                       process_message(message); mite.logoutput has HttpStatsOutput
                                       and MsgOutput, none is used unless given
    --recorder-dir=DIRECTORY           Where data_created messages are kept, a file for each name
                                       [default: recorder_data]
    --collector-dir=DIRECTORY          Keep all messages there; they are not kept unless given
    --collector-roll=NUM_LINES         Most messages in one of its files [default: 100000]
    --prometheus=HOST:PORT             Serve http://HOST:PORT/metrics for Prometheus while the run
                                       lasts: 127.0.0.1 if only a port is given, port 0 is any
                                       that is free and printed

Options of its report:
    --hide-constant-logs               Show no progress, only the report
    --journey-logging                  Count errors by journey too
    --report                           Add mean, deviation and percentiles of the response times
    --log-level=LEVEL                  DEBUG, INFO, WARNING, ERROR or CRITICAL [default: INFO]

Options that set the exit status to 111:
    --strict                           End with 111 when the verdict is not VALID

Options that set the exit status to 1 (0 is no limit, but not for errors); times are of single
requests that were answered, over all journeys, in milliseconds:
    --max-errors-threshold=THRESHOLD                        Most errors [default: 0]
    --max-response-time-threshold=THRESHOLD                 Slowest answer [default: 0]
    --mean-response-time-threshold=THRESHOLD                Mean [default: 0]
    --standard-deviation-response-time-threshold=THRESHOLD  Standard deviation [default: 0]
    --benchmark-percentiles=PAIRS                           Percentile:limit, separated by commas
                                                            [default: 50:0,90:0,98:0,99:0]
    --standard-deviation-req-sec-threshold=THRESHOLD        Of requests per second [default: 0]

Options of demo-target:
    --host=HOST                        Where to listen: 127.0.0.1 unless given
    --port=PORT                        HTTP/1.1, 0 for any free port: 8080 unless given
    --tls-port=PORT                    HTTPS with HTTP/2, 0 for any free port: 8443 unless given
    --cert-dir=DIRECTORY               Where to leave the certificate of its CA
    --ready-file=FILE                  File to write its addresses to once it serves

Other options:
    -h --help                          Show this
    --version                          Show mite's version

Configuration also comes from the environment: MITE_CONF_name=text, MITE_EVAL_CONF_name=literal.
"""
