//! `docle-bindgen INPUT.wasm DIRECTORY`: writes index.js and index_bg.wasm, as a Worker needs them, into a directory.

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let (Some(input), Some(directory)) = (args.next(), args.next()) else {
        eprintln!("Usage: docle-bindgen INPUT.wasm DIRECTORY");
        return ExitCode::FAILURE;
    };
    let mut bindgen = Bindgen::new();
    let made = bindgen.input_path(input).out_name("index").typescript(false).module(true).and_then(|bindgen| {
        // scripts/build/shim.mjs starts the module again after a panic, through the function that the first line adds.
        bindgen.reset_state_function(true).force_enable_abort_handler(true).generate(directory)
    });
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}
