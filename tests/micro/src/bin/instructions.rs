//! `instructions <step> <times>` does a step that many times, for valgrind to count; without arguments it
//! names the steps.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), micro::Error> {
    let mut steps = micro::steps()?;
    match arguments {
        [] => steps.iter().for_each(|step| println!("{}", step.name)),
        [name, times] => {
            let step = steps.iter_mut().find(|step| step.name == name);
            let step = step.ok_or_else(|| format!("there is no step {name}"))?;
            (0..times.parse::<u32>()?).for_each(|_| step.run());
        }
        _ => return Err("it takes no arguments, or a step and how often it is done".into()),
    }
    Ok(())
}
